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
    ``objects_to``: the claim whose answer they object to, for somebody else to answer.
    ``correction_id``: what gave the points back, for one claim alone.
    """

    __tablename__ = "member_claim"
    __table_args__ = (
        UniqueConstraint("objects_to"),
        UniqueConstraint("correction_id"),
        Index(
            "uq_member_claim_first",
            "member_id",
            "wallet_id",
            "sequence",
            unique=True,
            postgresql_where=text("objects_to IS NULL"),
        ),
        CheckConstraint(
            "(outcome IS NOT DISTINCT FROM 'made_good') = (correction_id IS NOT NULL)",
            name="correction",
        ),
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
    objects_to: Mapped[UUID | None] = mapped_column(ForeignKey("network.member_claim.claim_id"))
    correction_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("network.adjustment.adjustment_id")
    )
    sealed_why_less: Mapped[bytes | None]
