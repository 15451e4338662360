"""Tasks of a part that runs for ever: each is guarded alone, and one that keeps failing is seen.

A task that fails is tried again with the next tick, and the others go on. How often it has failed
since when stands in Valkey, where ``peyvand doctor`` reads it; the log says it each time that the
number of failures has doubled.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import redis
import structlog

from network.clock import wall_now
from network.errors import PeyvandError

KEY = "parts:failing"
KEEPS_FAILING = 3
"""Once or twice may happen; from then on somebody should look."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A task that failed when it was last tried: how often in a row, since when, and why."""

    task: str
    failures: int
    since: datetime
    reason: str


class Guard:
    """Tries the tasks of one part; what an earlier process of that part wrote down is dropped."""

    def __init__(self, connection: redis.Redis, *, part: str) -> None:
        self._connection = connection
        self._part = part
        self._failing: dict[str, Failing] = {}
        self._log = structlog.get_logger(f"peyvand.{part}")
        with suppress(redis.RedisError):
            old = [each.task for each in failing(connection) if each.task.startswith(f"{part}.")]
            if old:
                connection.hdel(KEY, *old)

    def attempt(self, task: str, work: Callable[[], Found]) -> Found | None:
        """Return what ``work`` does, or ``None`` where it fails."""
        name = f"{self._part}.{task}"
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other tasks go on
            self._note(name, error)
            return None
        if self._failing.pop(name, None) is not None:
            self._log.info("task works again", task=name)
            with suppress(redis.RedisError):
                self._connection.hdel(KEY, name)
        return found

    def _note(self, name: str, error: Exception) -> None:
        reason = error.code if isinstance(error, PeyvandError) else type(error).__name__
        before = self._failing.get(name)
        found = Failing(
            task=name,
            failures=1 if before is None else before.failures + 1,
            since=wall_now() if before is None else before.since,
            reason=reason,
        )
        self._failing[name] = found
        if found.failures & (found.failures - 1) == 0:
            self._log.warning("task fails", task=name, failures=found.failures, reason=reason)
        record = {
            "failures": found.failures,
            "since": found.since.isoformat(),
            "reason": found.reason,
        }
        with suppress(redis.RedisError):
            self._connection.hset(KEY, name, json.dumps(record))


def failing(connection: redis.Redis) -> list[Failing]:
    """Return the tasks that failed when they were last tried, by name; raises redis.RedisError."""
    return [
        Failing(
            task=name.decode() if isinstance(name, bytes) else name,
            failures=record["failures"],
            since=datetime.fromisoformat(record["since"]),
            reason=record["reason"],
        )
        for name, raw in sorted(connection.hgetall(KEY).items())
        for record in [json.loads(raw)]
    ]
