"""The outbox relay: what was committed goes out to the queues, at least once, in order.

Rows are taken in the order of their transactions, below the oldest one still running, so that
nothing that commits late is overtaken. A row is marked in the transaction that locked it, after
its job was accepted by the queue: killed in between, the relay enqueues the job again.
"""

from __future__ import annotations

import threading

import redis
import structlog
from sqlalchemy import text

from config.handlers import HANDLERS
from config.jobs import enqueue
from network.database.connection import Database
from network.errors import UnavailableError
from network.services import Services

BATCH = 500
IDLE_SECONDS = 0.2
FAILED_SECONDS = 2.0

_WAITING = text(
    """
    SELECT event_id, topic, payload, member_id, merchant_id
    FROM network.outbox
    WHERE dispatched_at IS NULL
      AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY transaction_id, event_id
    LIMIT :batch
    FOR UPDATE SKIP LOCKED
    """
)
_MARK = text(
    "UPDATE network.outbox SET dispatched_at = clock_timestamp() WHERE event_id = ANY(:events)"
)


def relay_once(database: Database, connection: redis.Redis, *, batch: int = BATCH) -> int:
    """Dispatch up to ``batch`` rows; return how many there were.

    Raises redis.RedisError or DatabaseUnavailableError with nothing marked; what was enqueued
    before that is enqueued again later.
    """
    with database.unit_of_work() as session:
        rows = session.execute(_WAITING, {"batch": batch}).all()
        for row in rows:
            if row.topic in HANDLERS:
                enqueue(
                    row.topic, dict(row.payload), job_id=f"event-{row.event_id}",
                    connection=connection,
                )  # fmt: skip
        if rows:
            session.execute(_MARK, {"events": [row.event_id for row in rows]})
    return len(rows)


def run(services: Services, connection: redis.Redis, *, stop: threading.Event) -> None:
    """Relay until ``stop`` is set; an unreachable database or queue is waited for."""
    log = structlog.get_logger("peyvand.relay")
    while not stop.is_set():
        try:
            relayed = relay_once(services.database, connection)
        except (UnavailableError, redis.RedisError) as error:
            log.warning("waiting for a service", reason=type(error).__name__)
            stop.wait(FAILED_SECONDS)
            continue
        if relayed < BATCH:
            stop.wait(IDLE_SECONDS)
