"""Counting how often a record was begun, so that one whose matching always fails ends as failed.

An attempt is counted before it begins, in a transaction of its own: whatever becomes of the worker,
it counts. What is begun goes to the end of those that wait, so no record hides another.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from network.reconciliation.errors import UnknownReconciliationError
from network.reconciliation.models import Reconciliation
from network.reconciliation.service import matching_lock, tell_finished

MOST_ATTEMPTS = 10
"""Some minutes' worth: a job tries four times, and the schedule asks again every two minutes."""

WORKER_LOST = "worker_lost"
"""Why a record failed whose workers all ended without a word."""


def begin_attempt(session: Session, *, reconciliation_id: UUID, wall: datetime) -> bool:
    """Count an attempt at a waiting record; return whether it may begin now.

    It may not while another record of the merchant is matched, nor once it has been tried too
    often: then it ends as ``failed``. Raises UnknownReconciliationError.
    """
    known = session.get(Reconciliation, reconciliation_id)
    if known is None:
        raise UnknownReconciliationError("there is no such record")
    if not session.scalar(select(func.pg_try_advisory_xact_lock(matching_lock(known.merchant_id)))):
        return False
    row = _waiting(session, reconciliation_id)
    if row is None:
        return False
    if row.attempts >= MOST_ATTEMPTS:
        _fail(session, row, wall=wall)
        return False
    row.attempts, row.touched_at, row.failure = row.attempts + 1, wall, WORKER_LOST
    session.flush()
    return True


def note_failure(session: Session, *, reconciliation_id: UUID, reason: str, wall: datetime) -> None:
    """Note why an attempt failed, in a transaction of its own; the last one ends the record."""
    row = _waiting(session, reconciliation_id)
    if row is None:
        return
    row.failure = reason
    if row.attempts >= MOST_ATTEMPTS:
        _fail(session, row, wall=wall)
    session.flush()


def left_alone(session: Session, *, before: datetime) -> list[UUID]:
    """Return records that wait for a worker since before a moment, the longest first."""
    return list(
        session.scalars(
            select(Reconciliation.reconciliation_id)
            .where(Reconciliation.state == "waiting", Reconciliation.touched_at < before)
            .order_by(Reconciliation.touched_at)
            .limit(100)
        )
    )


def _waiting(session: Session, reconciliation_id: UUID) -> Reconciliation | None:
    return session.scalars(
        select(Reconciliation)
        .where(
            Reconciliation.reconciliation_id == reconciliation_id,
            Reconciliation.state == "waiting",
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _fail(session: Session, row: Reconciliation, *, wall: datetime) -> None:
    row.state, row.finished_at, row.touched_at = "failed", wall, wall
    row.failure = row.failure or WORKER_LOST
    session.flush()
    tell_finished(session, row)
