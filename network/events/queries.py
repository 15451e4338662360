"""Reads of the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from network.events.models import OutboxEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened: ``topic`` says what, ``payload`` holds ids and figures only."""

    event_id: UUID
    topic: str
    member_id: UUID | None
    merchant_id: UUID | None
    payload: dict[str, Any]
    recorded_at: datetime


def waiting(session: Session, *, limit: int) -> list[Event]:
    """Return the oldest events that nobody has handed on, at most ``limit``, in order.

    Only those below the oldest transaction still under way: whatever commits later comes after
    them, so a reader who goes on from the last one passes nothing over.
    """
    rows = session.execute(
        select(
            OutboxEvent.event_id,
            OutboxEvent.topic,
            OutboxEvent.member_id,
            OutboxEvent.merchant_id,
            OutboxEvent.payload,
            OutboxEvent.recorded_at,
        )
        .where(
            OutboxEvent.dispatched_at.is_(None),
            OutboxEvent.transaction_id < func.pg_snapshot_xmin(func.pg_current_snapshot()),
        )
        .order_by(OutboxEvent.transaction_id, OutboxEvent.event_id)
        .limit(limit)
    )
    return [Event(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def any_left(session: Session) -> bool:
    """Return whether some event was not handed on, whether it may be read yet or not."""
    left = select(OutboxEvent.event_id).where(OutboxEvent.dispatched_at.is_(None)).limit(1)
    return session.scalars(left).first() is not None
