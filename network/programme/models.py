"""Tables of the programme: what a point is worth and what a purchase earns, by date."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.merchants.models import Merchant


class FaceValue(Base):
    """Minor units that one point is worth from a day on, as an exact fraction."""

    __tablename__ = "face_value"
    __table_args__ = (
        CheckConstraint("numerator > 0 AND denominator > 0", name="fraction"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        {"schema": NETWORK_SCHEMA},
    )

    effective_from: Mapped[date] = mapped_column(primary_key=True)
    numerator: Mapped[int]
    denominator: Mapped[int]
    currency: Mapped[str]
    set_by: Mapped[UUID | None]
    set_at: Mapped[datetime]


class EarningTermsRow(Base):
    """What a merchant's purchases earn from a day on: the base rate in points per minor unit."""

    __tablename__ = "earning_terms"
    __table_args__ = (
        UniqueConstraint("merchant_id", "effective_from"),
        CheckConstraint("numerator >= 0 AND denominator > 0", name="rate"),
        CheckConstraint(
            "pending_days BETWEEN 0 AND 366 AND expiry_days BETWEEN 1 AND 3660", name="days"
        ),
        CheckConstraint("minimum_amount >= 0", name="minimum_amount"),
        {"schema": NETWORK_SCHEMA},
    )

    earning_terms_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    effective_from: Mapped[date]
    numerator: Mapped[int]
    denominator: Mapped[int]
    pending_days: Mapped[int] = mapped_column(Integer)
    expiry_days: Mapped[int] = mapped_column(Integer)
    minimum_amount: Mapped[int]
    set_by: Mapped[UUID | None]
    set_at: Mapped[datetime]


class CategoryRate(Base):
    """The rate that replaces the base rate for lines of one category."""

    __tablename__ = "category_rate"
    __table_args__ = (
        CheckConstraint("category <> '' AND length(category) <= 120", name="category"),
        CheckConstraint("numerator >= 0 AND denominator > 0", name="rate"),
        {"schema": NETWORK_SCHEMA},
    )

    earning_terms_id: Mapped[UUID] = mapped_column(
        ForeignKey(EarningTermsRow.earning_terms_id, ondelete="CASCADE"), primary_key=True
    )
    category: Mapped[str] = mapped_column(primary_key=True)
    numerator: Mapped[int]
    denominator: Mapped[int]


class EditionRow(Base):
    """One row: the editions of prices, campaigns and places (network/database/editions.py)."""

    __tablename__ = "edition"
    __table_args__ = (
        CheckConstraint("only_row", name="one_row"),
        {"schema": NETWORK_SCHEMA},
    )

    only_row: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    prices: Mapped[str] = mapped_column(server_default=text("''"))
    campaigns: Mapped[str] = mapped_column(server_default=text("''"))
    places: Mapped[str] = mapped_column(server_default=text("''"))
