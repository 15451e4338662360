"""Tables of exposure: points outstanding as of a sealed day, and the last measurement."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.merchants.models import Merchant


class OutstandingRow(Base):
    """Points of an issuer under one agreement that lay in wallets when ``through`` ended."""

    __tablename__ = "outstanding"
    __table_args__ = ({"schema": NETWORK_SCHEMA},)

    issuer_id: Mapped[UUID] = mapped_column(primary_key=True)
    terms_id: Mapped[UUID] = mapped_column(primary_key=True)
    points: Mapped[int]


class MeasureRow(Base):
    """The one row that says up to which day points are summed, and when exposure was measured."""

    __tablename__ = "exposure_measure"
    __table_args__ = (CheckConstraint("only_row", name="only_row"), {"schema": NETWORK_SCHEMA})

    only_row: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    through: Mapped[date | None]
    measured_at: Mapped[datetime | None]
    took_ms: Mapped[int | None] = mapped_column(Integer)


class ExposureRow(Base):
    """What an issuer stood to owe when that last changed, and since when it stands so."""

    __tablename__ = "exposure"
    __table_args__ = (
        CheckConstraint("standing IN ('within', 'near', 'full')", name="standing"),
        {"schema": NETWORK_SCHEMA},
    )

    issuer_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id), primary_key=True)
    points: Mapped[int]
    outstanding: Mapped[int]
    unsettled: Mapped[int]
    cap: Mapped[int | None]
    deposit: Mapped[int]
    reserve: Mapped[int]
    standing: Mapped[str]
    since: Mapped[datetime]
