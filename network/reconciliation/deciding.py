"""The second person: letting corrections of breaks and disputes be posted, or declining them."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

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


def withdraw(
    session: Session, *, correction_id: UUID, by: UUID, now: datetime, wall: datetime
) -> None:
    """Take back a correction that ``by`` proposed; raise NotOwnCorrectionError on another's."""
    if queries.correction(session, correction_id=correction_id).proposed_by != by:
        raise NotOwnCorrectionError("only who proposed it takes it back")
    decline(session, correction_id=correction_id, by=by, now=now, wall=wall)


def _settle(session: Session, row: Correction, *, state: str, by: UUID, wall: datetime) -> None:
    subject = resolving if row.break_id is not None else disputes
    subject.settle_correction(session, row=row, state=state, by=by, wall=wall)
