"""What needs a second person: one proposes, another approves or declines.

A proposal says what is to be done, to what, and why. Whoever carries it out does so in the unit of
work that decides it, so it is approved and done, or neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network import ids
from network.ids import uuid7
from network.operators.audit import record_act
from network.operators.errors import ProposalError
from network.operators.models import ProposalRow

LONGEST_REASON = 300
PREFIX = "ppl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What ``proposed_by`` wants done; ``approved`` is ``None`` while nobody has decided.

    ``kind`` is a subject and an act (``payment.cancel``); ``terms`` hold text and whole numbers.
    """

    proposal_id: UUID
    kind: str
    subject_id: UUID
    terms: Mapping[str, Any]
    reason: str
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    approved: bool | None


def propose(
    session: Session,
    *,
    kind: str,
    subject_id: UUID,
    reason: str,
    by: UUID,
    now: datetime,
    terms: Mapping[str, Any] | None = None,
) -> Proposal:
    """Write down what ``by`` wants done; nothing happens until another person approves.

    Raises ProposalError without a reason of at most 300 characters, and where the same act on the
    same subject waits already.
    """
    said = tidy(reason)
    if not 0 < len(said) <= LONGEST_REASON:
        raise ProposalError("a proposal needs a reason", reason="no_reason")
    proposal_id = uuid7()
    added = session.execute(
        insert(ProposalRow)
        .values(
            proposal_id=proposal_id,
            kind=kind,
            subject_id=subject_id,
            terms=dict(terms or {}),
            reason=said,
            proposed_by=by,
            proposed_at=now,
        )
        .on_conflict_do_nothing()
        .returning(ProposalRow.proposal_id)
    ).one_or_none()
    if added is None:
        raise ProposalError("the same waits for a second person already", reason="waiting")
    return _view(session.get_one(ProposalRow, proposal_id))


def decide(
    session: Session, *, proposal_id: UUID, approved: bool, by: UUID, now: datetime
) -> Proposal:
    """Write down what a second person decided, and return the proposal, locked until the end.

    Whoever proposed may take it back (decline), never approve. Raises ProposalError where there is
    no such proposal, it is decided, or ``by`` proposed what it would approve.
    """
    row = session.get(ProposalRow, proposal_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise ProposalError("there is no such proposal", reason="unknown")
    if row.decided_at is not None:
        raise ProposalError("somebody has decided on this already", reason="decided")
    if approved and row.proposed_by == by:
        raise ProposalError("a second person has to approve this", reason="same_person")
    row.decided_by, row.decided_at, row.approved = by, now, approved
    session.flush()
    return _view(row)


def record(
    session: Session,
    *,
    decision: str,
    proposal: Proposal,
    actor: str,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write into the audit log that something was ``proposed``, ``approved`` or ``declined``."""
    record_act(
        session,
        now=now,
        actor=actor,
        action=f"{proposal.kind}.{decision}",
        subject=f"proposal:{ids.encode(PREFIX, proposal.proposal_id)}",
        facts={
            "subject": str(proposal.subject_id),
            "reason": proposal.reason,
            "terms": dict(proposal.terms),
            **(facts or {}),
        },
    )


def find(session: Session, *, proposal_id: UUID) -> Proposal | None:
    """Return a proposal, ``None`` where there is none with this id."""
    row = session.get(ProposalRow, proposal_id)
    return None if row is None else _view(row)


def waiting(
    session: Session, *, subject_id: UUID | None = None, kind: str | None = None
) -> list[Proposal]:
    """Return what waits for a second person, the oldest first; of one subject or kind if named."""
    query = (
        select(ProposalRow)
        .where(ProposalRow.decided_at.is_(None))
        .order_by(ProposalRow.proposed_at, ProposalRow.proposal_id)
    )
    if subject_id is not None:
        query = query.where(ProposalRow.subject_id == subject_id)
    if kind is not None:
        query = query.where(ProposalRow.kind == kind)
    return [_view(row) for row in session.scalars(query)]


def with_bank_ref(session: Session, *, bank_ref: str, limit: int = 50) -> list[Proposal]:
    """Return what was proposed with a reference of the bank, decided or not, the latest first."""
    rows = session.scalars(
        select(ProposalRow)
        .where(
            func.upper(ProposalRow.terms["bank_ref"].astext) == func.upper(tidy(bank_ref)),
            ProposalRow.kind.in_(("cover.move", "default.recover")),
        )
        .order_by(ProposalRow.proposed_at.desc(), ProposalRow.proposal_id.desc())
        .limit(limit)
    )
    return [_view(row) for row in rows]


def tidy(words: str) -> str:
    """Return words with single spaces between them, and none around."""
    return " ".join(words.split())


def about(
    session: Session, *, subject_id: UUID, kind: str | None = None, limit: int = 50
) -> list[Proposal]:
    """Return what was proposed about a subject, decided or not, the latest first."""
    query = (
        select(ProposalRow)
        .where(ProposalRow.subject_id == subject_id)
        .order_by(ProposalRow.proposed_at.desc(), ProposalRow.proposal_id.desc())
        .limit(limit)
    )
    if kind is not None:
        query = query.where(ProposalRow.kind == kind)
    return [_view(row) for row in session.scalars(query)]


def _view(row: ProposalRow) -> Proposal:
    return Proposal(**{name: getattr(row, name) for name in Proposal.__dataclass_fields__})
