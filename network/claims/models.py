"""The table of members' claims."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from network.database.base import NETWORK_SCHEMA, Base


class MemberClaim(Base):
    """What a member says of one entry, and what became of it; ``outcome`` is None until then.

    ``member_id`` is the person, ``wallet_id`` and ``sequence`` name the entry. ``locked``: they
    locked their spending with it. Words and answer are sealed with the person's own key.
    """

    __tablename__ = "member_claim"
    __table_args__ = (
        UniqueConstraint("member_id", "wallet_id", "sequence"),
        CheckConstraint("kind IN ('not_me', 'wrong')", name="kind"),
        CheckConstraint("outcome IN ('made_good', 'shop', 'explained', 'refused')", name="outcome"),
        CheckConstraint(
            "(outcome IS NULL) = (decided_at IS NULL) AND (outcome IS NULL) = (decided_by IS NULL)",
            name="decided",
        ),
        Index("ix_member_claim_waiting", "opened_at", postgresql_where=text("outcome IS NULL")),
        Index(
            "ix_member_claim_decided_at",
            "decided_at",
            postgresql_where=text("decided_at IS NOT NULL"),
        ),
        {"schema": NETWORK_SCHEMA},
    )

    claim_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("network.member.member_id"))
    wallet_id: Mapped[UUID]
    sequence: Mapped[int]
    kind: Mapped[str]
    sealed_words: Mapped[bytes | None]
    locked: Mapped[bool]
    opened_at: Mapped[datetime]
    outcome: Mapped[str | None]
    sealed_answer: Mapped[bytes | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("network.operator.operator_id"))
    decided_at: Mapped[datetime | None]
