"""How long the queues are: what waits and what failed, straight from the queue's Valkey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app
from redis.exceptions import RedisError
from rq import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLength:
    """Jobs of one queue that wait, run, and failed for good."""

    name: str
    waiting: int
    running: int
    failed: int


def lengths() -> list[QueueLength] | None:
    """Return the length of each queue, ``None`` where the queues can't be asked."""
    connection: Any = current_app.extensions["queue_connection"]
    if connection is None:
        return None
    try:
        return [
            QueueLength(
                name=queue.name,
                waiting=queue.count,
                running=queue.started_job_registry.count,
                failed=queue.failed_job_registry.count,
            )
            for queue in sorted(Queue.all(connection=connection), key=lambda each: each.name)
        ]
    except RedisError:
        return None
