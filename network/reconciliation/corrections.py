"""What has to move because of a break or a dispute: proposed by one person, posted by another.

Points are an adjustment of ``network.adjustments``, money an entry of ``network.money`` on the open
business day; both stand on the next statement, and no closed window is touched. ``now`` is
programme time, ``wall`` wall time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network import ids
from network.adjustments import service as adjustments
from network.ledger.errors import SamePerson
from network.ledger.queries import begun_day, open_day
from network.money.correcting import post_correction
from network.money.today import open_business_day
from network.operators.audit import record_act
from network.programme.queries import terms_on
from network.reconciliation.errors import (
    CorrectionDecidedError,
    InvalidCorrectionError,
    UnknownCorrectionError,
)
from network.reconciliation.facts import ADJUST_MONEY, ADJUST_POINTS, POST_EARN
from network.reconciliation.models import Correction
from network.settings import CURRENCY

LONGEST_REASON = 500
_MOST_MONEY = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What is to move: ``points`` of the merchant's for a member (below zero: taken away), or
    ``amount`` in minor units (below zero: the merchant pays)."""

    member_id: UUID | None = None
    points: int | None = None
    amount: int | None = None


def propose(
    session: Session,
    *,
    merchant_id: UUID,
    movement: Movement,
    reason: str,
    proposed_by: UUID,
    now: datetime,
    wall: datetime,
    break_id: UUID | None = None,
    dispute_id: UUID | None = None,
    missing_earn: bool = False,
) -> UUID:
    """Write down what is to move, for another operator to let it; return the correction's id.

    Raises InvalidCorrectionError, and what ``adjustments.propose`` raises.
    """
    words = reason.strip()
    if not words or len(words) > LONGEST_REASON:
        raise InvalidCorrectionError("a correction has a reason in words", field="reason")
    adjustment_id: UUID | None = None
    resolution = ADJUST_MONEY
    if movement.amount is None:
        adjustment_id = _propose_points(
            session,
            merchant_id=merchant_id,
            movement=movement,
            reason=words,
            by=proposed_by,
            now=now,
        )
        resolution = POST_EARN if missing_earn else ADJUST_POINTS
    elif not 0 < abs(movement.amount) <= _MOST_MONEY:
        raise InvalidCorrectionError("a correction has an amount", field="amount")
    row = Correction(
        correction_id=ids.uuid7(),
        merchant_id=merchant_id,
        break_id=break_id,
        dispute_id=dispute_id,
        resolution=resolution,
        adjustment_id=adjustment_id,
        currency=None if movement.amount is None else CURRENCY,
        amount=movement.amount,
        reason=words,
        state="proposed",
        proposed_by=proposed_by,
        proposed_at=wall,
    )
    session.add(row)
    session.flush()
    _record(session, row, by=proposed_by, wall=wall, action="correction.proposed")
    return row.correction_id


def post(session: Session, *, row: Correction, by: UUID, now: datetime, wall: datetime) -> date:
    """Post a proposed correction that was locked by ``proposed``; return its business day.

    Raises SamePerson, DayClosingError, or a Refusal of the ledger.
    """
    if by == row.proposed_by:
        raise SamePerson(SamePerson.sentence)
    if row.adjustment_id is not None:
        posted = adjustments.approve(
            session, now=now, adjustment_id=row.adjustment_id, approved_by=by
        )
        day = posted.business_date or open_day(session)
    else:
        day = open_business_day(session)
        post_correction(
            session,
            correction_id=row.correction_id,
            merchant_id=row.merchant_id,
            currency=row.currency or CURRENCY,
            amount=row.amount or 0,
            business_date=day,
        )
    row.state, row.business_date = "posted", day
    row.decided_by, row.decided_at = by, wall
    session.flush()
    _record(session, row, by=by, wall=wall, action="correction.posted")
    return day


def decline(session: Session, *, row: Correction, by: UUID, now: datetime, wall: datetime) -> None:
    """Decline a proposed correction, one's own too."""
    if row.adjustment_id is not None:
        adjustments.decline(session, now=now, adjustment_id=row.adjustment_id, declined_by=by)
    row.state, row.decided_by, row.decided_at = "declined", by, wall
    session.flush()
    _record(session, row, by=by, wall=wall, action="correction.declined")


def proposed(session: Session, *, correction_id: UUID) -> Correction:
    """Lock a correction that waits, so that two people cannot decide it at once."""
    row = session.scalars(
        select(Correction).where(Correction.correction_id == correction_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownCorrectionError("there is no such correction")
    if row.state != "proposed":
        raise CorrectionDecidedError(f"this correction is {row.state} already")
    return row


def _propose_points(
    session: Session,
    *,
    merchant_id: UUID,
    movement: Movement,
    reason: str,
    by: UUID,
    now: datetime,
) -> UUID:
    points = movement.points or 0
    if movement.member_id is None:
        raise InvalidCorrectionError("points move for a member", field="member")
    if points == 0:
        raise InvalidCorrectionError("a correction moves points", field="points")
    expires_on: date | None = None
    if points > 0:
        today = begun_day(session, now=now)
        terms = terms_on(session, merchant_id=merchant_id, day=today)
        expires_on = today + timedelta(days=terms.expiry_days)
    return adjustments.propose(
        session,
        now=now,
        member_id=movement.member_id,
        kind="up" if points > 0 else "down",
        issuer_id=merchant_id,
        points=abs(points),
        reason=reason,
        proposed_by=by,
        expires_on=expires_on,
    ).adjustment_id


def _record(session: Session, row: Correction, *, by: UUID, wall: datetime, action: str) -> None:
    facts: dict[str, object] = {"resolution": row.resolution}
    if row.amount is not None:
        facts |= {"amount": row.amount, "currency": row.currency}
    if row.adjustment_id is not None:
        facts["adjustment"] = str(row.adjustment_id)
    record_act(
        session,
        now=wall,
        actor=ids.encode("opr", by),
        action=action,
        subject=ids.encode("cor", row.correction_id),
        facts=facts,
    )
