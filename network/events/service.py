"""Writing events, and handing them on: at least once, in order, by one runner at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from network.database.arrays import array
from network.events.models import OutboxEvent
from network.events.queries import Event
from network.events.reading import Place

_REMOVE = text("DELETE FROM network.outbox WHERE event_id = ANY (CAST(:event_ids AS bigint[]))")


def publish(
    session: Session,
    *,
    topic: str,
    payload: dict[str, Any],
    member_id: UUID | None = None,
    merchant_id: UUID | None = None,
) -> int:
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


def take_waiting(session: Session, *, limit: int, place: Place | None = None) -> list[Event]:
    """Return waiting events and be their only runner until the transaction ends.

    None while another transaction holds the events it took, so two runners keep the order. With a
    ``place`` a runner need not look from the start each time.
    """
    return (place or Place()).take(session, limit=limit)


def remove_dispatched(session: Session, *, event_ids: Sequence[int]) -> None:
    """Take events away that were handed on; call it in the transaction that took them."""
    session.execute(_REMOVE, {"event_ids": array(event_ids)})
