"""The table of corrections that need two people."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base


class Adjustment(Base):
    """A correction of a member's points: proposed, then posted or declined by someone else.

    ``kind`` is up, down or write_off; ``sequence`` and ``business_date`` name the entry once it is
    posted. Its checks stand in ``0007_adjustments.sql``.
    """

    __tablename__ = "adjustment"
    __table_args__ = (
        Index("ix_adjustment_proposed", "proposed_at", postgresql_where=text("state = 'proposed'")),
        Index("ix_adjustment_member_id", "member_id", "proposed_at"),
        {"schema": NETWORK_SCHEMA},
    )

    adjustment_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    kind: Mapped[str]
    issuer_id: Mapped[UUID]
    points: Mapped[int]
    expires_on: Mapped[date | None]
    reason: Mapped[str]
    state: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("network.operator.operator_id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("network.operator.operator_id"))
    decided_at: Mapped[datetime | None]
    sequence: Mapped[int | None]
    business_date: Mapped[date | None]
