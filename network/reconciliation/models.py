"""Tables of reconciliation. Their checks and rights stand in ``0020_reconciliation.sql``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, PrimaryKeyConstraint, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from network.adjustments.models import Adjustment
from network.database.base import NETWORK_SCHEMA, Base
from network.merchants.models import Merchant
from network.operators.models import Operator

_SCHEMA = {"schema": NETWORK_SCHEMA}
_MERCHANT = Merchant.merchant_id
_OPERATOR = Operator.operator_id
_RECONCILIATION = "network.reconciliation.reconciliation_id"
_BREAK = "network.reconciliation_break.break_id"
_DISPUTE = "network.dispute.dispute_id"


class Reconciliation(Base):
    """One version of a merchant's record of a business day, and what matching came to."""

    __tablename__ = "reconciliation"
    __table_args__ = (
        UniqueConstraint(
            "merchant_id", "business_date", "version", name="uq_reconciliation_version"
        ),
        Index(
            "ix_reconciliation_waiting", "touched_at", postgresql_where=text("state = 'waiting'")
        ),
        Index(None, "received_at"),
        _SCHEMA,
    )

    reconciliation_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(_MERCHANT))
    business_date: Mapped[date]
    version: Mapped[int]
    form: Mapped[str]
    digest: Mapped[bytes]
    size: Mapped[int]
    sent_by: Mapped[str]
    signature_base: Mapped[bytes | None]
    signature: Mapped[bytes | None]
    received_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    state: Mapped[str]
    lines: Mapped[int] = mapped_column(server_default=text("0"))
    entries: Mapped[int] = mapped_column(server_default=text("0"))
    agreeing: Mapped[int] = mapped_column(server_default=text("0"))
    idle_lines: Mapped[int] = mapped_column(server_default=text("0"))
    breaks: Mapped[int] = mapped_column(server_default=text("0"))
    faulty: Mapped[int] = mapped_column(server_default=text("0"))
    faults: Mapped[list[Any] | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    failure: Mapped[str | None]


class ReconciliationPart(Base):
    """A piece of a record as it was given, sealed."""

    __tablename__ = "reconciliation_part"
    __table_args__ = (PrimaryKeyConstraint("reconciliation_id", "number"), _SCHEMA)

    reconciliation_id: Mapped[UUID] = mapped_column(ForeignKey(_RECONCILIATION))
    number: Mapped[int]
    sealed_content: Mapped[bytes]


class ReconciliationMatch(Base):
    """Which line is which entry, and by what it was found."""

    __tablename__ = "reconciliation_match"
    __table_args__ = (
        PrimaryKeyConstraint("reconciliation_id", "line"),
        UniqueConstraint(
            "reconciliation_id", "member_id", "sequence", name="uq_reconciliation_match_entry"
        ),
        _SCHEMA,
    )

    reconciliation_id: Mapped[UUID]
    line: Mapped[int]
    member_id: Mapped[UUID]
    sequence: Mapped[int]
    method: Mapped[str]


class Break(Base):
    """A difference between a merchant's record and the ledger."""

    __tablename__ = "reconciliation_break"
    __table_args__ = (
        UniqueConstraint(
            "merchant_id", "business_date", "subject", name="uq_reconciliation_break_subject"
        ),
        Index(
            "ix_reconciliation_break_open",
            "opened_at",
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_reconciliation_break_reconciliation_id", "reconciliation_id", "break_id"),
        _SCHEMA,
    )

    break_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(_MERCHANT))
    business_date: Mapped[date]
    subject: Mapped[str]
    reconciliation_id: Mapped[UUID] = mapped_column(ForeignKey(_RECONCILIATION))
    kind: Mapped[str]
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    line: Mapped[int | None]
    theirs: Mapped[dict[str, Any] | None]
    member_id: Mapped[UUID | None]
    sequence: Mapped[int | None]
    ours: Mapped[dict[str, Any] | None]
    suggestion: Mapped[str]
    state: Mapped[str]
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey(_OPERATOR))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    resolution: Mapped[str | None]


class BreakEvent(Base):
    """What became of a break after it was opened; never changed."""

    __tablename__ = "break_event"
    __table_args__ = (Index("ix_break_event_break_id", "break_id", "at"), _SCHEMA)

    break_event_id: Mapped[UUID] = mapped_column(primary_key=True)
    break_id: Mapped[UUID] = mapped_column(ForeignKey(_BREAK))
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    words: Mapped[str | None]
    facts: Mapped[dict[str, Any]]


class Dispute(Base):
    """A merchant's objection to one line, with the network's signed word on it."""

    __tablename__ = "dispute"
    __table_args__ = (
        Index(
            "uq_dispute_open",
            "merchant_id",
            "member_id",
            "sequence",
            unique=True,
            postgresql_where=text("decided_at IS NULL"),
        ),
        Index("ix_dispute_merchant_id", "merchant_id", "dispute_id"),
        Index("ix_dispute_due_at", "due_at", postgresql_where=text("decided_at IS NULL")),
        _SCHEMA,
    )

    dispute_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(_MERCHANT))
    member_id: Mapped[UUID]
    sequence: Mapped[int]
    business_date: Mapped[date]
    break_id: Mapped[UUID | None] = mapped_column(ForeignKey(_BREAK))
    reason: Mapped[str]
    words: Mapped[str]
    wanted_points: Mapped[int | None]
    wanted_amount: Mapped[int | None]
    opened_by: Mapped[str]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    answer: Mapped[bytes]
    answer_key_id: Mapped[str]
    answer_signature: Mapped[bytes]
    state: Mapped[str]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey(_OPERATOR))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None]


class DisputeNote(Base):
    """What one side said in a dispute; never changed."""

    __tablename__ = "dispute_note"
    __table_args__ = (Index("ix_dispute_note_dispute_id", "dispute_id", "at"), _SCHEMA)

    dispute_note_id: Mapped[UUID] = mapped_column(primary_key=True)
    dispute_id: Mapped[UUID] = mapped_column(ForeignKey(_DISPUTE))
    at: Mapped[datetime]
    side: Mapped[str]
    author: Mapped[str]
    action: Mapped[str]
    words: Mapped[str]


class Correction(Base):
    """What is to move because of a break or a dispute, once another person has let it."""

    __tablename__ = "correction"
    __table_args__ = (
        Index("ix_correction_proposed", "proposed_at", postgresql_where=text("state = 'proposed'")),
        Index("uq_correction_adjustment_id", "adjustment_id", unique=True),
        Index(None, "break_id"),
        Index(None, "dispute_id"),
        _SCHEMA,
    )

    correction_id: Mapped[UUID] = mapped_column(primary_key=True)
    merchant_id: Mapped[UUID] = mapped_column(ForeignKey(_MERCHANT))
    break_id: Mapped[UUID | None] = mapped_column(ForeignKey(_BREAK))
    dispute_id: Mapped[UUID | None] = mapped_column(ForeignKey(_DISPUTE))
    resolution: Mapped[str]
    adjustment_id: Mapped[UUID | None] = mapped_column(ForeignKey(Adjustment.adjustment_id))
    currency: Mapped[str | None]
    amount: Mapped[int | None]
    reason: Mapped[str]
    state: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey(_OPERATOR))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey(_OPERATOR))
    decided_at: Mapped[datetime | None]
    business_date: Mapped[date | None]
