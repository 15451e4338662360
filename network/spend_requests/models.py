"""The table of what merchants asked members to pay."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, SmallInteger, false, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base
from network.members.models import Member
from network.merchants.models import Merchant, Store


class TapLimit(Base):
    """Up to how many points a tap in the wallet is enough; the newest row holds."""

    __tablename__ = "tap_limit"
    __table_args__ = (
        CheckConstraint("points BETWEEN 0 AND 1000000000", name="points"),
        {"schema": NETWORK_SCHEMA},
    )

    tap_limit_id: Mapped[UUID] = mapped_column(primary_key=True)
    points: Mapped[int]
    set_at: Mapped[datetime]
    set_by: Mapped[UUID]


class SpendRequest(Base):
    """A redemption that waits for the member's word; checks stand in the migration."""

    __tablename__ = "spend_request"
    __table_args__ = (
        Index(None, "member_id", "requested_at"),
        Index(None, "merchant_id", "requested_at"),
        Index(None, "entry_member_id", "entry_sequence"),
        Index(None, "expires_at", postgresql_where=text("state <> 'taken'")),
        {"schema": NETWORK_SCHEMA},
    )

    spend_request_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey(Member.member_id))
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(Merchant.merchant_id))
    store_id: Mapped[UUID | None] = mapped_column(ForeignKey(Store.store_id))
    terminal: Mapped[str | None]
    merchant_ref: Mapped[str]
    capture: Mapped[str]
    hold_minutes: Mapped[int | None] = mapped_column(SmallInteger)
    points: Mapped[int]
    needs_code: Mapped[bool]
    amount: Mapped[int | None]
    currency: Mapped[str | None]
    idempotency_key: Mapped[str]
    fingerprint: Mapped[bytes]
    digest: Mapped[bytes]
    attempts: Mapped[int] = mapped_column(Integer)
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[str]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    session_id: Mapped[UUID | None]
    entry_member_id: Mapped[UUID | None]
    entry_sequence: Mapped[int | None]
    needs_proof: Mapped[bool] = mapped_column(server_default=false())
