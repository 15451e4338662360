"""Aborting a window that was reckoned but never published: its days settle anew.

A night that reckoned from input that is no longer found, or whose stored obligations are wrong, can
neither go on nor begin again: what a window found never changes. Aborted, the window and its run
stay as they are, count no more, and the same business days stand in the next attempt, so that each
posting is in exactly one window that counts. What was published is never aborted.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing import queries, runs, service
from network.clearing.facts import RunView, WindowView
from network.errors import InvariantError, PeyvandError

ABORTABLE = ("closed", "pending_settlement")
_ENDED = ("failed", "stopped")


class AbortError(PeyvandError):
    """This window can't be aborted; ``reason`` says why."""

    code = "window_abort_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def check_abortable(window: WindowView | None, *, run: RunView | None) -> None:
    """Refuse to abort a window that is not reckoned, is published, or that a night works on."""
    if window is None:
        raise AbortError("there is no such window", reason="unknown")
    if window.state in {"settled", "aborted"}:
        raise AbortError(f"this window is {window.state}", reason=window.state)
    if window.state not in ABORTABLE or run is None or run.window_id != window.window_id:
        raise AbortError("this window is not reckoned yet", reason="not_reckoned")
    if run.state not in _ENDED:
        raise AbortError("a night works on this window", reason="running")


def abort_window(session: Session, *, window_id: UUID) -> UUID:
    """End a window and its run as aborted, open the next attempt, and return that one's id.

    Whoever calls this has two people's word. The run is locked as a night locks it, so a night
    either holds the window or finds it aborted. Raises AbortError.
    """
    window = queries.window(session, window_id=window_id)
    if window is not None:
        session.execute(
            text("""
                SELECT FROM network.settlement_run
                WHERE business_date = :day AND state <> 'aborted' FOR UPDATE
            """),
            {"day": window.first_day},
        )
        session.execute(
            text("SELECT FROM network.settlement_window WHERE window_id = :id FOR UPDATE"),
            {"id": window_id},
        )
        session.expire_all()
        window = queries.window(session, window_id=window_id)
    run = None if window is None else runs.find(session, business_date=window.first_day)
    check_abortable(window, run=run)
    if window is None or run is None:
        raise InvariantError("an abortable window has a run")
    _refuse_published(session, window_id=window_id)
    session.execute(
        text("UPDATE network.settlement_run SET state = 'aborted' WHERE run_id = :id"),
        {"id": run.run_id},
    )
    session.execute(
        text("UPDATE network.settlement_window SET state = 'aborted' WHERE window_id = :id"),
        {"id": window_id},
    )
    session.expire_all()
    return service.ensure_window(session, first_day=window.first_day)


def _refuse_published(session: Session, *, window_id: UUID) -> None:
    """Statements, money and payments come with the state that ends a window, in one transaction."""
    found = session.execute(
        text("""
            SELECT EXISTS (SELECT FROM network.statement WHERE window_id = :id)
                OR EXISTS (SELECT FROM network.money_entry WHERE window_id = :id)
                OR EXISTS (SELECT FROM network.payment WHERE window_id = :id)
        """),
        {"id": window_id},
    ).scalar_one()
    if found:
        raise InvariantError(f"window {window_id} is not settled, but something of it is published")
