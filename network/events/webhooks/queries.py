"""Reads of the delivery log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from network import ids
from network.events.feed import PREFIX as EVENT_PREFIX
from network.events.models import (
    MerchantEvent,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from network.events.webhooks.endpoints import PREFIX as ENDPOINT_PREFIX

PREFIX = "whd"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt; without ``finished_at`` it is under way, or its worker died."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """An event's way to an endpoint; ``state`` is waiting, delivered, failed or dropped."""

    delivery_id: UUID
    endpoint_id: UUID
    event_id: UUID
    number: int
    type: str
    state: str
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: tuple[AttemptView, ...]

    @property
    def public_id(self) -> str:
        """Return the id outside."""
        return ids.encode(PREFIX, self.delivery_id)

    @property
    def event(self) -> str:
        """Return the public id of the event, which is its ``webhook-id``."""
        return ids.encode(EVENT_PREFIX, self.event_id)

    @property
    def endpoint(self) -> str:
        """Return the public id of the endpoint."""
        return ids.encode(ENDPOINT_PREFIX, self.endpoint_id)

    @property
    def last(self) -> AttemptView | None:
        """Return the latest attempt, None before the first."""
        return self.attempts[-1] if self.attempts else None


def deliveries(
    session: Session,
    *,
    merchant_id: UUID,
    endpoint_id: UUID | None = None,
    state: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[DeliveryView]:
    """Return deliveries to a merchant's endpoints, or to one, or in a state, the newest first.

    ``before``: those older than the one queued at that time under that id.
    """
    table = WebhookDelivery
    conditions: list[ColumnElement[bool]] = [WebhookEndpoint.merchant_id == merchant_id]
    if endpoint_id is not None:
        conditions.append(table.endpoint_id == endpoint_id)
    if state is not None:
        conditions.append(table.state == state)
    if before is not None:
        conditions.append(tuple_(table.created_at, table.delivery_id) < before)
    rows = session.execute(
        select(WebhookDelivery, MerchantEvent.number, MerchantEvent.type)
        .join(WebhookEndpoint, WebhookEndpoint.endpoint_id == table.endpoint_id)
        .join(MerchantEvent, MerchantEvent.event_id == table.event_id)
        .where(*conditions)
        .order_by(table.created_at.desc(), table.delivery_id.desc())
        .limit(limit)
    ).all()
    attempts = _attempts(session, [row[0].delivery_id for row in rows])
    return [
        DeliveryView(
            delivery_id=row.delivery_id,
            endpoint_id=row.endpoint_id,
            event_id=row.event_id,
            number=number,
            type=kind,
            state=row.state,
            next_attempt_at=row.next_attempt_at if row.state == "waiting" else None,
            created_at=row.created_at,
            finished_at=row.finished_at,
            attempts=tuple(attempts.get(row.delivery_id, ())),
        )
        for row, number, kind in rows
    ]


def _attempts(session: Session, delivery_ids: Sequence[UUID]) -> dict[UUID, list[AttemptView]]:
    rows = session.scalars(
        select(WebhookAttempt)
        .where(WebhookAttempt.delivery_id.in_(delivery_ids))
        .order_by(WebhookAttempt.delivery_id, WebhookAttempt.number)
    )
    found: dict[UUID, list[AttemptView]] = {}
    for row in rows:
        found.setdefault(row.delivery_id, []).append(
            AttemptView(
                number=row.number,
                started_at=row.started_at,
                finished_at=row.finished_at,
                outcome=row.outcome,
                status=row.status,
            )
        )
    return found
