"""The second person: letting corrections of breaks and disputes be posted, or declining them.

Points that move for a break or a dispute are an adjustment, too, and stand on the page of their
wallet. From whichever page somebody decides, it is decided here, both at once; the database refuses
one without the other (``with_its_correction`` in ``0020_reconciliation.sql``).
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.adjustments import service as adjustments
from network.reconciliation import corrections, disputes, queries, resolving
from network.reconciliation.errors import NotOwnCorrectionError
from network.reconciliation.models import Correction


def approve(
    session: Session, *, correction_id: UUID, by: UUID, now: datetime, wall: datetime
) -> date:
    """Post a correction that another person proposed; return the business day it stands on.

    Raises UnknownCorrectionError, CorrectionDecidedError, SamePerson, BreakChangedError,
    DayClosingError, or a Refusal of the ledger; then nothing of it stays and it still waits.
    """
    row = corrections.proposed(session, correction_id=correction_id)
    if row.break_id is not None:
        resolving.check_in_force(session, break_id=row.break_id, since=row.proposed_at)
    day = corrections.post(session, row=row, by=by, now=now, wall=wall)
    _settle(session, row, state="posted", by=by, wall=wall)
    return day


def decline(
    session: Session, *, correction_id: UUID, by: UUID, now: datetime, wall: datetime
) -> None:
    """Decline a correction, one's own too; what it was for is open again."""
    row = corrections.proposed(session, correction_id=correction_id)
    corrections.decline(session, row=row, by=by, now=now, wall=wall)
    _settle(session, row, state="declined", by=by, wall=wall)


def approve_adjustment(
    session: Session, *, adjustment_id: UUID, by: UUID, now: datetime, wall: datetime
) -> None:
    """Post an adjustment that another person proposed, with the correction that it is for, if any.

    Raises what ``approve`` raises, or ``adjustments.approve``.
    """
    correction_id = _behind(session, adjustment_id)
    if correction_id is None:
        adjustments.approve(session, now=now, adjustment_id=adjustment_id, approved_by=by)
    else:
        approve(session, correction_id=correction_id, by=by, now=now, wall=wall)


def decline_adjustment(
    session: Session, *, adjustment_id: UUID, by: UUID, now: datetime, wall: datetime
) -> None:
    """Decline an adjustment, one's own too, with the correction that it is for, if any."""
    correction_id = _behind(session, adjustment_id)
    if correction_id is None:
        adjustments.decline(session, now=now, adjustment_id=adjustment_id, declined_by=by)
    else:
        decline(session, correction_id=correction_id, by=by, now=now, wall=wall)


def withdraw(
    session: Session, *, correction_id: UUID, by: UUID, now: datetime, wall: datetime
) -> None:
    """Take back a correction that ``by`` proposed; raise NotOwnCorrectionError on another's."""
    if queries.correction(session, correction_id=correction_id).proposed_by != by:
        raise NotOwnCorrectionError("only who proposed it takes it back")
    decline(session, correction_id=correction_id, by=by, now=now, wall=wall)


def _behind(session: Session, adjustment_id: UUID) -> UUID | None:
    """Return the correction that an adjustment is for; both are written in one unit of work."""
    return session.scalar(
        select(Correction.correction_id).where(Correction.adjustment_id == adjustment_id)
    )


def _settle(session: Session, row: Correction, *, state: str, by: UUID, wall: datetime) -> None:
    subject = resolving if row.break_id is not None else disputes
    subject.settle_correction(session, row=row, state=state, by=by, wall=wall)
