"""Cancelling what two people approved for a day to come: two people again, before that day begins.

Face values, earning terms, agreements and modes of payment begin on a day. Until then nothing has
been priced with them, so their row can go, and whatever reads prices never meets a cancelled one.
What it said stays in the cancellation's proposal and in the audit log; the database lets a row go
only with such a proposal (0038_cancelled_values.sql), and the audit misses one that went without
(``network/operators/audit_decisions.py``). Tiers and the limit of a tap hold at once, so there is
nothing to cancel; a campaign is ended (``network/campaigns/service.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from network.clearing.parties import NETWORK_PARTY
from network.database.base import Base
from network.errors import PeyvandError
from network.merchants import agreements
from network.merchants.locking import locked_merchant
from network.merchants.models import Agreement
from network.money.models import PaymentModeRow
from network.operators import proposals
from network.operators.proposals import Proposal
from network.programme import queries
from network.programme.days import begun_day
from network.programme.models import EarningTermsRow, FaceValue
from network.programme.proposing import said_of_terms, said_of_value

FACE_VALUE, TERMS = "programme.cancel_face_value", "programme.cancel_terms"
AGREEMENT, MODE = agreements.CANCEL, "payments.cancel_mode"
KINDS = (FACE_VALUE, TERMS, AGREEMENT, MODE)
OF_ALL = frozenset({FACE_VALUE, MODE})
"""These are about the whole programme, the others about one merchant."""


class ValueKeptError(PeyvandError):
    """This can't be cancelled; ``reason`` is unknown, begun, funds_campaign or changed."""

    code = "value_kept"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def propose_cancelling(
    session: Session,
    *,
    kind: str,
    subject_id: UUID,
    effective_from: date,
    reason: str,
    by: UUID,
    wall: datetime,
) -> Proposal:
    """Propose that what was approved for ``effective_from`` never begins.

    ``kind`` is one of KINDS; ``subject_id`` is the merchant, or the network's party for what is
    about the whole programme. Raises ValueKeptError and ProposalError.
    """
    _row, says = _standing(
        session, kind=kind, subject_id=subject_id, effective_from=effective_from, wall=wall
    )
    return proposals.propose(
        session, kind=kind, subject_id=subject_id, reason=reason, by=by, now=wall, terms=says
    )


def carry_out(session: Session, *, proposal: Proposal, wall: datetime) -> None:
    """Cancel what an approved proposal names, in the unit of work that approves it.

    Raises ValueKeptError where its day has begun, something relies on it, or it says something else
    by now.
    """
    row, says = _standing(
        session,
        kind=proposal.kind,
        subject_id=proposal.subject_id,
        effective_from=date.fromisoformat(proposal.terms["effective_from"]),
        wall=wall,
    )
    if says != dict(proposal.terms):
        raise ValueKeptError("it says something else by now", reason="changed")
    session.delete(row)
    session.flush()


def cancelled(session: Session, *, kind: str, subject_id: UUID = NETWORK_PARTY) -> list[Proposal]:
    """Return the approved cancellations of a kind about a subject, the latest first."""
    found = proposals.about(session, subject_id=subject_id, kind=kind)
    return [each for each in found if each.approved]


def _standing(
    session: Session, *, kind: str, subject_id: UUID, effective_from: date, wall: datetime
) -> tuple[Base, dict[str, Any]]:
    """Return the row that would go and what it says; raise ValueKeptError where it has to stay."""
    today = begun_day(session, wall=wall)
    found = _FOUND[kind](session, subject_id, effective_from)
    if found is None:
        raise ValueKeptError("nothing approved begins on that day", reason="unknown")
    if effective_from <= today:
        raise ValueKeptError("what has begun stays", reason="begun")
    row, says = found
    if isinstance(row, Agreement) and _pays_for_campaigns(session, row, today=today):
        raise ValueKeptError("a campaign is paid by this agreement", reason="funds_campaign")
    return row, {"effective_from": effective_from.isoformat(), **says}


_Found = tuple[Base, Mapping[str, Any]]


def _face_value(session: Session, _subject: UUID, day: date) -> _Found | None:
    row = session.get(FaceValue, day, populate_existing=True)
    return None if row is None else (row, said_of_value(row.numerator, row.denominator))


def _terms(session: Session, merchant_id: UUID, day: date) -> _Found | None:
    for each in queries.all_terms(session, merchant_id=merchant_id):
        if each.effective_from == day:
            code = locked_merchant(session, merchant_id).code
            row = session.get_one(EarningTermsRow, each.earning_terms_id)
            return row, said_of_terms(each, merchant=code)
    return None


def _agreement(session: Session, merchant_id: UUID, day: date) -> _Found | None:
    # The lock keeps a campaign that relies on this agreement from being approved meanwhile.
    code = locked_merchant(session, merchant_id).code
    row = session.scalars(
        select(Agreement).where(
            Agreement.merchant_id == merchant_id,
            Agreement.effective_from == day,
            Agreement.approved_at.is_not(None),
        )
    ).one_or_none()
    if row is None:
        return None
    return row, {
        "merchant": code,
        "agreement_id": str(row.agreement_id),
        "version": row.version,
        "issue_price": f"{row.issue_price:f}",
        "acceptance_fee": f"{row.acceptance_fee:f}",
        "funding": row.funding,
    }


def _mode(session: Session, _subject: UUID, day: date) -> _Found | None:
    row = session.get(PaymentModeRow, day, populate_existing=True)
    return None if row is None else (row, {"mode": row.mode})


_FOUND: Mapping[str, Callable[[Session, UUID, date], _Found | None]] = {
    FACE_VALUE: _face_value,
    TERMS: _terms,
    AGREEMENT: _agreement,
    MODE: _mode,
}


def _pays_for_campaigns(session: Session, row: Agreement, *, today: date) -> bool:
    """Return whether a campaign that may run has a funder with no other agreement to pay by."""
    relied: bool = session.execute(
        text("""
            SELECT EXISTS (
                SELECT FROM network.campaign AS c
                JOIN network.campaign_funder AS f ON f.campaign_id = c.campaign_id
                WHERE f.party_id = :merchant AND c.state IN ('approved', 'paused')
                  AND c.last_day >= :today
                  AND NOT EXISTS (
                      SELECT FROM network.agreement AS a
                      WHERE a.merchant_id = :merchant AND a.approved_at IS NOT NULL
                        AND a.agreement_id <> :agreement
                        AND a.effective_from <= greatest(CAST(:today AS date), c.first_day)))
        """),
        {"merchant": row.merchant_id, "today": today, "agreement": row.agreement_id},
    ).scalar_one()
    return relied
