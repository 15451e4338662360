"""Corrections that two people agree on: one proposes, another approves, then they are posted.

The approval and the posting are one unit of work. ``now`` is programme time.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network import ids
from network.adjustments.errors import (
    AdjustmentDecidedError,
    InvalidAdjustmentError,
    UnknownAdjustmentError,
)
from network.adjustments.models import Adjustment
from network.adjustments.queries import AdjustmentView, view
from network.campaigns.grants import network_price
from network.clearing.parties import NETWORK_PARTY
from network.clearing.party_names import parties, party
from network.ledger import operations_members
from network.ledger.errors import SamePerson, UnknownWallet
from network.ledger.queries import begun_day, stored_wallet
from network.ledger.shared_wallets import home
from network.ledger.values import Approval, Claim, Posted
from network.merchants import queries as merchants
from network.operators.audit import record_act
from network.programme.queries import face_value_on
from network.programme.service import MAX_EXPIRY_DAYS

KINDS = frozenset({"up", "down", "write_off"})
_MOST_POINTS = 10**15
_LONGEST_REASON = 500


def propose(
    session: Session,
    *,
    now: datetime,
    member_id: UUID,
    kind: str,
    issuer_id: UUID,
    points: int,
    reason: str,
    proposed_by: UUID,
    expires_on: date | None = None,
) -> AdjustmentView:
    """Propose a correction for another operator to approve; raise InvalidAdjustmentError.

    ``up`` grants points of an issuer that live until ``expires_on``, ``down`` takes available ones
    away, ``write_off`` forgives a debt with the issuer. The issuer may be the network
    (``NETWORK_PARTY``): it pays for what makes a theft good, and the shop that took the stolen
    points keeps its money. Raises UnknownWallet, UnknownMerchantError, and where points granted
    would have no price, NoAgreementError or NoFaceValueError.
    """
    if stored_wallet(session, member_id=member_id) is None:
        raise UnknownWallet(UnknownWallet.sentence)
    words = reason.strip()
    if kind not in KINDS:
        raise InvalidAdjustmentError("a correction is up, down or write_off", field="kind")
    if not 1 <= points <= _MOST_POINTS:
        raise InvalidAdjustmentError("a correction has 1 to 10^15 points", field="points")
    if not words or len(words) > _LONGEST_REASON:
        raise InvalidAdjustmentError("a correction has a reason in words", field="reason")
    _check_expiry(session, now=now, kind=kind, expires_on=expires_on)
    if issuer_id != NETWORK_PARTY:
        merchants.merchant(session, merchant_id=issuer_id)
    row = Adjustment(
        adjustment_id=ids.uuid7(),
        member_id=member_id,
        kind=kind,
        issuer_id=issuer_id,
        points=points,
        expires_on=expires_on,
        reason=words,
        state="proposed",
        proposed_by=proposed_by,
        proposed_at=now,
    )
    if kind == "up":
        _terms(session, row, today=begun_day(session, now=now))
    session.add(row)
    session.flush()
    _record(session, row, now=now, operator_id=proposed_by, action="adjustment.proposed")
    return view(row)


def approve(
    session: Session, *, now: datetime, adjustment_id: UUID, approved_by: UUID
) -> AdjustmentView:
    """Post a proposed correction; raise SamePerson, AdjustmentDecidedError or a ledger's Refusal.

    Points granted may also have no price by now: NoAgreementError, NoFaceValueError. When refused,
    nothing of the unit of work stays and the proposal still waits.
    """
    row = _proposed(session, adjustment_id)
    if approved_by == row.proposed_by:
        raise SamePerson(SamePerson.sentence)
    _check_expiry(session, now=now, kind=row.kind, expires_on=row.expires_on)
    _record(session, row, now=now, operator_id=approved_by, action="adjustment.approved")
    posted = _post(session, row, now=now, approved_by=approved_by)
    row.state = "posted"
    row.decided_by = approved_by
    row.decided_at = now
    row.sequence = posted.sequence
    row.business_date = posted.business_date
    session.flush()
    return view(row)


def decline(
    session: Session, *, now: datetime, adjustment_id: UUID, declined_by: UUID
) -> AdjustmentView:
    """Decline a proposed correction, one's own too; raise AdjustmentDecidedError."""
    row = _proposed(session, adjustment_id)
    row.state = "declined"
    row.decided_by = declined_by
    row.decided_at = now
    session.flush()
    _record(session, row, now=now, operator_id=declined_by, action="adjustment.declined")
    return view(row)


def _proposed(session: Session, adjustment_id: UUID) -> Adjustment:
    """Lock a proposal, so that two people cannot decide it at once."""
    row = session.scalars(
        select(Adjustment).where(Adjustment.adjustment_id == adjustment_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownAdjustmentError("there is no such correction")
    if row.state != "proposed":
        raise AdjustmentDecidedError(f"this correction is {row.state} already")
    return row


def _post(session: Session, row: Adjustment, *, now: datetime, approved_by: UUID) -> Posted:
    approval = Approval(proposer=row.proposed_by, approver=approved_by, reason=row.reason)
    claim = Claim(
        client_id=row.adjustment_id,
        key="adjustment",
        fingerprint=sha256(row.adjustment_id.bytes).digest(),
    )
    # Points are granted and taken away where the member's are now; a debt stays where it arose.
    member_id = row.member_id
    if row.kind != "write_off":
        member_id = home(session, member_id=member_id)
    if row.kind == "up":
        today = begun_day(session, now=now)
        if row.expires_on is None:
            raise InvalidAdjustmentError("points end on a day", field="expires_on")
        terms_id, price = _terms(session, row, today=today)
        return operations_members.adjust_up(
            session,
            now=now,
            claim=claim,
            member_id=member_id,
            issuer_id=row.issuer_id,
            terms_id=terms_id,
            price=price,
            points=row.points,
            active_from=today,
            expires_on=row.expires_on,
            approval=approval,
        )
    operation = (
        operations_members.adjust_down if row.kind == "down" else operations_members.write_off
    )
    return operation(
        session,
        now=now,
        claim=claim,
        member_id=member_id,
        issuer_id=row.issuer_id,
        points=row.points,
        approval=approval,
    )


def _terms(session: Session, row: Adjustment, *, today: date) -> tuple[UUID, Decimal]:
    """Return on which terms points are granted, and their price; the network's own are the row."""
    if row.issuer_id == NETWORK_PARTY:
        return row.adjustment_id, network_price(face_value_on(session, day=today))
    terms = merchants.agreement_on(session, merchant_id=row.issuer_id, day=today)
    return terms.agreement_id, terms.issue_price


def _check_expiry(session: Session, *, now: datetime, kind: str, expires_on: date | None) -> None:
    if (kind == "up") != (expires_on is not None):
        raise InvalidAdjustmentError("points granted end on a day", field="expires_on")
    if expires_on is None:
        return
    today = begun_day(session, now=now)
    if not today < expires_on <= today + timedelta(days=MAX_EXPIRY_DAYS):
        raise InvalidAdjustmentError(
            f"points live for 1 to {MAX_EXPIRY_DAYS} days", field="expires_on"
        )


def _record(
    session: Session, row: Adjustment, *, now: datetime, operator_id: UUID, action: str
) -> None:
    issuer = party(parties(session, wanted=[row.issuer_id]), row.issuer_id)
    facts: dict[str, object] = {
        "adjustment": str(row.adjustment_id),
        "kind": row.kind,
        "points": row.points,
        "issuer": issuer.code,
    }
    if row.expires_on is not None:
        facts["expires_on"] = row.expires_on.isoformat()
    record_act(
        session,
        now=now,
        actor=ids.encode("opr", operator_id),
        action=action,
        subject=ids.encode("mem", row.member_id),
        facts=facts,
    )
