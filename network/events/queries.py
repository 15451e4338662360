"""Reads of the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from network.events.models import OutboxEvent

_PAYLOAD = case(
    (OutboxEvent.sequence.is_(None), OutboxEvent.payload),
    else_=func.jsonb_build_object(
        "sequence", OutboxEvent.sequence, "points", OutboxEvent.points, type_=JSONB
    ),
).label("payload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened: ``topic`` says what, ``payload`` holds ids and figures only."""

    event_id: int
    topic: str
    member_id: UUID | None
    merchant_id: UUID | None
    payload: dict[str, Any]
    recorded_at: datetime


def waiting(session: Session, *, limit: int, after: int = 0) -> list[Event]:
    """Return the oldest events that nobody has handed on, at most ``limit``, in order.

    Only those above the id ``after``, which ``reading.Place`` knows.

    An event is passed over by nobody: its row waits until whoever hands it on takes it away. So one
    that commits late is only late, and no transaction that is still under way holds up another's.

    An event that followed from another comes after it. Say B's transaction learnt of A's: it read
    rows of A, or waited for its locks. So A had committed before B wrote its event.
    1. A snapshot that has B's commit has A's too: PostgreSQL ends a transaction for all snapshots
       at once, before it lets its locks go. So B is never read in an earlier batch than A.
    2. In one batch the order is that of ``event_id``, which counts rows as they are written: A took
       its number before it committed, B after that.
    Transaction ids would not do: B may have had its own long before it waited for A. What has no
    such bond has no order, and needs none.
    """
    rows = session.execute(
        select(
            OutboxEvent.event_id,
            OutboxEvent.topic,
            OutboxEvent.member_id,
            OutboxEvent.merchant_id,
            _PAYLOAD,
            OutboxEvent.recorded_at,
        )
        .where(OutboxEvent.event_id > after)
        .order_by(OutboxEvent.event_id)
        .limit(limit)
    )
    return [Event(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def any_left(session: Session) -> bool:
    """Return whether some event was not handed on."""
    left = select(OutboxEvent.event_id).limit(1)
    return session.scalars(left).first() is not None
