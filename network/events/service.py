"""Writing events, and handing them on: at least once, in order, by one runner at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.orm import Session

from network.events.models import OutboxEvent
from network.events.queries import Event, waiting

_RUNNER = 0x6F75_7462_6F78
_FORGET = text("SELECT ledger.forget_dispatched(CAST(:most AS integer))")


def publish(
    session: Session,
    *,
    topic: str,
    payload: dict[str, Any],
    member_id: UUID | None = None,
    merchant_id: UUID | None = None,
) -> UUID:
    """Write an event; it exists when the session commits. Return its id.

    ``payload`` holds ids and figures, never personal data or secrets: it travels through queues.
    """
    # Left out where there is none: the column's default decides (config/citus.py gives it one).
    about = {} if member_id is None else {"member_id": member_id}
    return session.execute(
        insert(OutboxEvent)
        .values(topic=topic, payload=payload, merchant_id=merchant_id, **about)
        .returning(OutboxEvent.event_id)
    ).scalar_one()


def take_waiting(session: Session, *, limit: int) -> list[Event]:
    """Return waiting events and be their only runner until the transaction ends.

    None while another transaction holds the events it took, so two runners keep the order.
    """
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_RUNNER))):
        return []
    return waiting(session, limit=limit)


def forget_dispatched(connection: Connection, *, most: int = 10_000) -> int:
    """Delete at most ``most`` events that were handed on a week ago; return how many there were.

    The database decides what is old, by the rows' own dates.
    """
    gone: int = connection.execute(_FORGET, {"most": most}).scalar_one()
    return gone


def mark_dispatched(session: Session, *, event_ids: Sequence[UUID]) -> None:
    """Say that events were handed on; call it in the transaction that took them."""
    if event_ids:
        session.execute(
            update(OutboxEvent)
            .where(OutboxEvent.event_id.in_(event_ids))
            .values(dispatched_at=func.clock_timestamp()),
            execution_options={"synchronize_session": False},
        )
