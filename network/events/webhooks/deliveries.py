"""Deliveries: what is due, who attempts it, how it ended, and when it is tried again.

The table decides. An attempt begins with one statement that counts it, writes it into the log and
moves the delivery's next time ahead by a lease; two workers never begin the same one, and a worker
that dies only makes it late. The next attempt carries the same ``webhook-id``, and the log shows
the one that was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from network.database.arrays import array
from network.events.feed import EventView, Happening, event, note
from network.events.models import WebhookEndpoint
from network.events.service import publish
from network.events.types import TEST
from network.events.webhooks import endpoints, retries

DUE_TOPIC = "webhook.due"
LEASE = timedelta(seconds=60)
"""Longer than any attempt may take, with the time to write down how it ended."""

DELIVERED, GONE = "delivered", "gone"

_QUEUE = text(
    """
    INSERT INTO network.webhook_delivery
        (endpoint_id, event_id, state, next_attempt_at, created_at)
    SELECT e.endpoint_id, v.event_id, 'waiting', :now, :now
    FROM unnest(CAST(:events AS uuid[]), CAST(:merchants AS uuid[]), CAST(:types AS text[]))
        WITH ORDINALITY AS v (event_id, merchant_id, type, place)
    JOIN network.webhook_endpoint AS e
        ON e.merchant_id = v.merchant_id AND e.state = 'enabled'
       AND (e.types = '{}' OR v.type = ANY (e.types))
    ORDER BY v.place
    """
)
_SUBSCRIBED = text(
    "SELECT DISTINCT merchant_id FROM network.webhook_endpoint "
    "WHERE state = 'enabled' AND merchant_id = ANY (CAST(:merchants AS uuid[]))"
)
_BEGIN = text(
    """
    WITH due AS MATERIALIZED (
        SELECT found.delivery_id
        FROM network.webhook_endpoint AS e
        LEFT JOIN unnest(CAST(:known AS uuid[]), CAST(:rooms AS bigint[]))
            AS k (endpoint_id, room) USING (endpoint_id)
        CROSS JOIN LATERAL (
            SELECT d.delivery_id, d.next_attempt_at
            FROM network.webhook_delivery AS d
            WHERE d.endpoint_id = e.endpoint_id AND d.state = 'waiting'
              AND d.next_attempt_at <= :now
            ORDER BY d.next_attempt_at
            LIMIT coalesce(k.room, :each)
        ) AS found
        WHERE e.state = 'enabled'
        ORDER BY found.next_attempt_at
        LIMIT :limit
    ), ours AS MATERIALIZED (
        SELECT d.delivery_id
        FROM network.webhook_delivery AS d
        WHERE d.delivery_id IN (SELECT delivery_id FROM due)
          AND d.state = 'waiting' AND d.next_attempt_at <= :now
        FOR UPDATE SKIP LOCKED
    ), begun AS (
        UPDATE network.webhook_delivery AS d
        SET attempts = d.attempts + 1, next_attempt_at = :lease
        FROM ours WHERE d.delivery_id = ours.delivery_id
        RETURNING d.delivery_id, d.endpoint_id, d.event_id, d.attempts, d.failures
    ), logged AS (
        INSERT INTO network.webhook_attempt (delivery_id, number, started_at)
        SELECT delivery_id, attempts, :now FROM begun
    )
    SELECT b.delivery_id, b.endpoint_id, b.attempts, b.failures, e.url,
           v.event_id, v.merchant_id, v.number, v.type, v.version, v.occurred_at, v.data
    FROM begun AS b
    JOIN network.webhook_endpoint AS e USING (endpoint_id)
    JOIN network.merchant_event AS v USING (event_id)
    """
)
_END = text(
    """
    WITH ended AS (
        SELECT * FROM unnest(
            CAST(:deliveries AS uuid[]), CAST(:numbers AS integer[]), CAST(:outcomes AS text[]),
            CAST(:statuses AS integer[]), CAST(:ends AS timestamptz[]), CAST(:states AS text[]),
            CAST(:nexts AS timestamptz[])
        ) AS u (delivery_id, number, outcome, status, finished_at, state, next_attempt_at)
    ), logged AS (
        UPDATE network.webhook_attempt AS a
        SET finished_at = u.finished_at, outcome = u.outcome, status = u.status
        FROM ended AS u WHERE a.delivery_id = u.delivery_id AND a.number = u.number
    )
    UPDATE network.webhook_delivery AS d
    SET state = u.state,
        failures = d.failures + CASE WHEN u.state = 'delivered' THEN 0 ELSE 1 END,
        next_attempt_at = coalesce(u.next_attempt_at, d.next_attempt_at),
        finished_at = CASE WHEN u.state = 'waiting' THEN NULL ELSE u.finished_at END
    FROM ended AS u
    WHERE d.delivery_id = u.delivery_id AND d.state = 'waiting'
      AND (d.attempts = u.number OR u.state = 'delivered')
    """
)
_REQUEUE = text(
    """
    INSERT INTO network.webhook_delivery AS d
        (endpoint_id, event_id, state, next_attempt_at, created_at)
    SELECT unnest(CAST(:endpoints AS uuid[])), :event_id, 'waiting', :now, :now
    ON CONFLICT (event_id, endpoint_id) DO UPDATE
        SET state = 'waiting', failures = 0, finished_at = NULL,
            next_attempt_at = CASE WHEN d.state = 'waiting' AND d.next_attempt_at > :now
                AND EXISTS (
                    SELECT FROM network.webhook_attempt AS a
                    WHERE a.delivery_id = d.delivery_id AND a.finished_at IS NULL
                      AND a.number = d.attempts AND a.started_at > :cut_off)
                THEN d.next_attempt_at ELSE :now END
    """
)
_NEXT_DUE = text(
    """
    SELECT min(d.next_attempt_at)
    FROM network.webhook_endpoint AS e
    JOIN network.webhook_delivery AS d USING (endpoint_id)
    WHERE e.state = 'enabled' AND d.state = 'waiting'
    """
)
_ANY_DUE = text(
    """
    SELECT EXISTS (
        SELECT FROM network.webhook_endpoint AS e
        WHERE e.state = 'enabled' AND EXISTS (
            SELECT FROM network.webhook_delivery AS d
            WHERE d.endpoint_id = e.endpoint_id AND d.state = 'waiting'
              AND d.next_attempt_at <= :now))
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that was begun: what is posted where. ``failures`` so far of this delivery."""

    delivery_id: UUID
    endpoint_id: UUID
    number: int
    failures: int
    url: str
    event: EventView


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended; ``chance`` (0 to 1) draws the jitter of the pause that follows.

    ``outcome`` is ``delivered``, ``gone`` or another stable word; ``status`` the answer's, if there
    was one; ``asked`` the pause that the receiver wanted.
    """

    attempt: Attempt
    outcome: str
    status: int | None
    finished_at: datetime
    chance: float
    asked: timedelta | None = None


def tell(session: Session, *, happenings: Sequence[Happening], now: datetime) -> bool:
    """Note happenings as events and queue them for who subscribed; return whether any did."""
    events = note(session, happenings=happenings, now=now)
    if not events:
        return False
    merchants = {each.merchant_id for each in events}
    subscribed = set(session.scalars(_SUBSCRIBED, {"merchants": array(merchants)}))
    events = [each for each in events if each.merchant_id in subscribed]
    if not events:
        return False
    queued = session.execute(
        _QUEUE,
        {
            "events": array(each.event_id for each in events),
            "merchants": array(each.merchant_id for each in events),
            "types": array(each.type for each in events),
            "now": now,
        },
    )
    return _rows(queued) > 0


def begin(
    session: Session,
    *,
    now: datetime,
    limit: int,
    each: int,
    rooms: Mapping[UUID, int] | None = None,
) -> list[Attempt]:
    """Begin up to ``limit`` due attempts, the longest due first.

    At most ``each`` per endpoint, or as many as ``rooms`` has for it. They are ours until
    ``LEASE`` after ``now``.
    """
    known = dict(rooms or {})
    rows = session.execute(
        _BEGIN,
        {
            "now": now,
            "limit": limit,
            "each": each,
            "known": list(known),
            "rooms": list(known.values()),
            "lease": now + LEASE,
        },
    )
    return [
        Attempt(
            delivery_id=row.delivery_id,
            endpoint_id=row.endpoint_id,
            number=row.attempts,
            failures=row.failures,
            url=row.url,
            event=EventView(
                event_id=row.event_id,
                merchant_id=row.merchant_id,
                number=row.number,
                type=row.type,
                version=row.version,
                occurred_at=row.occurred_at,
                data=row.data,
            ),
        )
        for row in rows
    ]


def end(session: Session, *, endings: Sequence[Ending]) -> None:
    """Write down how attempts ended, plan the next ones, and disable endpoints that are gone."""
    if not endings:
        return
    planned = [_plan(each) for each in endings]
    session.execute(
        _END,
        {
            "deliveries": [each.attempt.delivery_id for each in endings],
            "numbers": [each.attempt.number for each in endings],
            "outcomes": [each.outcome for each in endings],
            "statuses": [each.status for each in endings],
            "ends": [each.finished_at for each in endings],
            "states": [state for state, _ in planned],
            "nexts": [following for _, following in planned],
        },
    )
    gone = {each.attempt.endpoint_id: each for each in endings if each.outcome == GONE}
    for endpoint_id, each in sorted(gone.items()):
        # Not where the merchant has meanwhile said anew where its events go.
        session.execute(
            update(WebhookEndpoint)
            .where(
                WebhookEndpoint.endpoint_id == endpoint_id,
                WebhookEndpoint.state == "enabled",
                WebhookEndpoint.url == each.attempt.url,
            )
            .values(state="disabled", disabled_because=GONE, changed_at=each.finished_at),
            execution_options={"synchronize_session": False},
        )


def any_due(session: Session, *, now: datetime) -> bool:
    """Return whether an attempt is due."""
    return bool(session.execute(_ANY_DUE, {"now": now}).scalar_one())


def next_due(session: Session) -> datetime | None:
    """Return when the next attempt is due, ``None`` where nothing waits."""
    found: datetime | None = session.execute(_NEXT_DUE).scalar_one()
    return found


def redeliver(
    session: Session,
    *,
    merchant_id: UUID,
    event_id: UUID,
    endpoint_id: UUID | None = None,
    now: datetime,
) -> int:
    """Deliver an event once more, from the first attempt on; return to how many endpoints.

    To the one endpoint that is named, else to all enabled ones that choose its type. An attempt
    under way is waited for. Raises UnknownEventError, UnknownEndpointError, EndpointDisabledError.
    """
    found = event(session, merchant_id=merchant_id, event_id=event_id)
    if endpoint_id is None:
        chosen = [
            each.endpoint_id
            for each in endpoints.endpoints(session, merchant_id=merchant_id)
            if each.state == "enabled" and (not each.types or found.type in each.types)
        ]
    else:
        chosen = [_enabled(session, merchant_id=merchant_id, endpoint_id=endpoint_id)]
    _requeue(session, event_id=event_id, endpoint_ids=chosen, now=now)
    return len(chosen)


def send_test(
    session: Session, *, merchant_id: UUID, endpoint_id: UUID, occurred_at: datetime, now: datetime
) -> EventView:
    """Send a test event to one endpoint and return it.

    Raises UnknownEndpointError or EndpointDisabledError.
    """
    _enabled(session, merchant_id=merchant_id, endpoint_id=endpoint_id)
    shown = endpoints.endpoint(session, merchant_id=merchant_id, endpoint_id=endpoint_id)
    happening = Happening(
        merchant_id=merchant_id,
        type=TEST,
        occurred_at=occurred_at,
        data={"endpoint": shown.public_id},
    )
    (made,) = note(session, happenings=[happening], now=now)
    _requeue(session, event_id=made.event_id, endpoint_ids=[endpoint_id], now=now)
    return made


def _requeue(
    session: Session, *, event_id: UUID, endpoint_ids: Sequence[UUID], now: datetime
) -> None:
    if not endpoint_ids:
        return
    session.execute(
        _REQUEUE,
        {
            "event_id": event_id,
            "endpoints": sorted(endpoint_ids),
            "now": now,
            "cut_off": now - LEASE,
        },
    )
    publish(session, topic=DUE_TOPIC, payload={})


def _enabled(session: Session, *, merchant_id: UUID, endpoint_id: UUID) -> UUID:
    found = endpoints.endpoint(session, merchant_id=merchant_id, endpoint_id=endpoint_id)
    if found.state != "enabled":
        raise endpoints.EndpointDisabledError("enable the endpoint first")
    return endpoint_id


def _plan(ending: Ending) -> tuple[str, datetime | None]:
    """Return the state of the delivery after an attempt, and the time of the next one."""
    if ending.outcome == DELIVERED:
        return "delivered", None
    if ending.outcome == GONE:
        return "failed", None
    pause = retries.pause_after(
        ending.attempt.failures + 1, chance=ending.chance, asked=ending.asked
    )
    return ("failed", None) if pause is None else ("waiting", ending.finished_at + pause)


def _rows(result: Any) -> int:
    return int(result.rowcount)
