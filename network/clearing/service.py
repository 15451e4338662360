"""Writes of clearing: windows move forward, and what they found is added, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clearing.facts import PoolBalance
from network.clearing.models import NetPosition, SettlementWindow, Statement
from network.clearing.models import PoolBalance as PoolBalanceRow
from network.clearing.parties import clearing_id
from network.errors import InvariantError

_Thing = TypeVar("_Thing")

STATES = ("open", "closing", "closed", "pending_settlement", "settled")


def ensure_window(session: Session, *, first_day: date) -> UUID:
    """Return the id of the window of one business day; open it where it is new."""
    attempt = attempt_of(session, first_day=first_day)
    window_id = window_key(first_day, attempt=attempt)
    session.execute(
        insert(SettlementWindow)
        .values(
            window_id=window_id,
            first_day=first_day,
            end_day=first_day + timedelta(days=1),
            attempt=attempt,
            state="open",
        )
        .on_conflict_do_nothing(index_elements=["window_id"])
    )
    return window_id


def window_key(first_day: date, *, attempt: int = 1) -> UUID:
    """Return the id of the window of a business day, which follows from day and attempt."""
    facts = ("window", first_day, first_day + timedelta(days=1))
    return clearing_id(*facts) if attempt == 1 else clearing_id(*facts, attempt)


def attempt_of(session: Session, *, first_day: date) -> int:
    """Return the attempt at which a business day stands: one more than were aborted."""
    aborted = session.scalar(
        select(func.count()).where(
            SettlementWindow.first_day == first_day, SettlementWindow.state == "aborted"
        )
    )
    return 1 + (aborted or 0)


def advance_window(session: Session, *, window_id: UUID, state: str) -> None:
    """Move a window forward to ``state``; do nothing where it is there or beyond.

    Raises InvariantError where the window is unknown or aborted.
    """
    present = session.execute(
        text("SELECT state FROM network.settlement_window WHERE window_id = :id FOR UPDATE"),
        {"id": window_id},
    ).scalar_one_or_none()
    if present not in STATES:
        raise InvariantError(f"window {window_id} is {present or 'unknown'}, it cannot go on")
    if STATES.index(present) >= STATES.index(state):
        return
    session.execute(
        update(SettlementWindow)
        .where(SettlementWindow.window_id == window_id)
        .values(state=state, settled_at=func.clock_timestamp() if state == "settled" else None)
    )


def add_pool_balances(
    session: Session, *, window_id: UUID, balances: Sequence[PoolBalance]
) -> None:
    """Add what the pool holds by terms after a window, for terms whose points moved in it."""
    for chunk in _chunks(balances):
        session.execute(
            insert(PoolBalanceRow).on_conflict_do_nothing(index_elements=["window_id", "terms_id"]),
            [{"window_id": window_id, **asdict(each)} for each in chunk],
        )


def add_positions(session: Session, *, rows: Sequence[dict[str, object]]) -> None:
    """Add the net positions that are not there yet."""
    for chunk in _chunks(rows):
        session.execute(
            insert(NetPosition).on_conflict_do_nothing(
                index_elements=["window_id", "party_id", "account", "currency"]
            ),
            list(chunk),
        )


def add_statements(session: Session, *, rows: Sequence[dict[str, object]]) -> None:
    """Publish the statements that are not there yet."""
    for chunk in _chunks(rows):
        session.execute(
            insert(Statement).on_conflict_do_nothing(index_elements=["statement_id"]), list(chunk)
        )


def _chunks(things: Sequence[_Thing], *, size: int = 1000) -> Iterable[Sequence[_Thing]]:
    return (things[start : start + size] for start in range(0, len(things), size))
