"""A merchant's events in their order: written once, numbered, and read again by who polls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, text
from sqlalchemy.orm import Session

from network import ids
from network.database.arrays import array, texts
from network.errors import PeyvandError
from network.events.models import MerchantEvent, WebhookAttempt, WebhookDelivery
from network.events.types import TYPES

PREFIX = "evt"
_COUNT = text(
    """
    INSERT INTO network.merchant_event_counter AS c (merchant_id, last_number)
    VALUES (:merchant_id, :more)
    ON CONFLICT (merchant_id) DO UPDATE SET last_number = c.last_number + :more
    RETURNING last_number
    """
)

_WRITE = text(
    """
    INSERT INTO network.merchant_event
        (event_id, merchant_id, number, type, version, occurred_at, data, noted_at)
    SELECT v.*, :noted_at
    FROM unnest(
        CAST(:events AS uuid[]), CAST(:merchants AS uuid[]), CAST(:numbers AS bigint[]),
        CAST(:types AS text[]), CAST(:versions AS integer[]), CAST(:moments AS timestamptz[]),
        CAST(CAST(:data AS text[]) AS jsonb[])
    ) AS v
    """
)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class UnknownEventError(PeyvandError):
    """This merchant has no such event, or it was forgotten after its time."""

    code = "unknown_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something to tell a merchant: a type of ``events.types``, when it happened, and its data."""

    merchant_id: UUID
    type: str
    occurred_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event as a merchant sees it; ``number`` counts the merchant's events from 1."""

    event_id: UUID
    merchant_id: UUID
    number: int
    type: str
    version: int
    occurred_at: datetime
    data: dict[str, Any]

    @property
    def public_id(self) -> str:
        """Return the id outside, which is the ``webhook-id`` of every attempt too."""
        return ids.encode(PREFIX, self.event_id)

    def payload(self) -> dict[str, Any]:
        """Return the event as it is posted and listed."""
        return {
            "id": self.public_id,
            "sequence": self.number,
            "type": self.type,
            "version": self.version,
            "timestamp": self.occurred_at.isoformat(),
            "data": self.data,
        }

    def body(self) -> bytes:
        """Return the bytes that are posted, the same for every attempt."""
        return json.dumps(
            self.payload(), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()


def note(session: Session, *, happenings: Sequence[Happening], now: datetime) -> list[EventView]:
    """Write happenings down as events and return them, each merchant's numbered in this order."""
    counts = Counter(each.merchant_id for each in happenings)
    following: dict[UUID, int] = {}
    for merchant_id in sorted(counts):  # one order of locks for all writers
        last: int = session.execute(
            _COUNT, {"merchant_id": merchant_id, "more": counts[merchant_id]}
        ).scalar_one()
        following[merchant_id] = last - counts[merchant_id] + 1
    events = []
    for each in happenings:
        events.append(
            EventView(
                event_id=ids.uuid7(),
                merchant_id=each.merchant_id,
                number=following[each.merchant_id],
                type=each.type,
                version=TYPES[each.type].version,
                occurred_at=each.occurred_at,
                data=each.data,
            )
        )
        following[each.merchant_id] += 1
    if events:
        _write(session, events, now=now)
    return events


def listed(
    session: Session,
    *,
    merchant_id: UUID,
    after: int,
    limit: int,
    types: Sequence[str] = (),
) -> list[EventView]:
    """Return a merchant's events with numbers above ``after``, in order."""
    conditions: list[ColumnElement[bool]] = [
        MerchantEvent.merchant_id == merchant_id,
        MerchantEvent.number > after,
    ]
    if types:
        conditions.append(MerchantEvent.type.in_(types))
    rows = session.scalars(
        select(MerchantEvent).where(*conditions).order_by(MerchantEvent.number).limit(limit)
    )
    return [event_view(row) for row in rows]


def event(session: Session, *, merchant_id: UUID, event_id: UUID) -> EventView:
    """Return one event of a merchant; raise UnknownEventError."""
    row = session.scalars(
        select(MerchantEvent).where(
            MerchantEvent.event_id == event_id, MerchantEvent.merchant_id == merchant_id
        )
    ).one_or_none()
    if row is None:
        raise UnknownEventError("this merchant has no such event")
    return event_view(row)


def event_view(row: MerchantEvent) -> EventView:
    """Return the view of a row."""
    return EventView(
        event_id=row.event_id,
        merchant_id=row.merchant_id,
        number=row.number,
        type=row.type,
        version=row.version,
        occurred_at=row.occurred_at,
        data=row.data,
    )


def forget(session: Session, *, before: datetime, limit: int) -> int:
    """Remove up to ``limit`` events noted before a time, with their deliveries; return how many."""
    old = list(
        session.scalars(
            select(MerchantEvent.event_id)
            .where(MerchantEvent.noted_at < before)
            .order_by(MerchantEvent.noted_at)
            .limit(limit)
        )
    )
    if not old:
        return 0
    deliveries = select(WebhookDelivery.delivery_id).where(WebhookDelivery.event_id.in_(old))
    for statement in (
        delete(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(deliveries)),
        delete(WebhookDelivery).where(WebhookDelivery.event_id.in_(old)),
        delete(MerchantEvent).where(MerchantEvent.event_id.in_(old)),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})
    return len(old)


def _write(session: Session, events: Sequence[EventView], *, now: datetime) -> None:
    """Write events in one statement: a batch tells of thousands at once."""
    session.execute(
        _WRITE,
        {
            "noted_at": now,
            "events": array(each.event_id for each in events),
            "merchants": array(each.merchant_id for each in events),
            "numbers": array(each.number for each in events),
            "types": array(each.type for each in events),
            "versions": array(each.version for each in events),
            "moments": array(each.occurred_at.isoformat() for each in events),
            "data": texts(_encode(each.data) for each in events),
        },
    )
