"""What happens after a commit: for each topic the function that a worker runs, and its queue.

A handler is called as ``function(services, **payload)`` with the payload of the outbox row (ids,
never secrets). It can run twice for one event, and must come to the same end. A topic without a
handler is only marked as dispatched: the row stays for whoever reads the outbox later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from config import queues

SETTLE_NIGHT = "settlement.night"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """Where a topic goes. ``retry_seconds`` are the pauses before each further attempt."""

    function: str
    queue: str
    timeout_seconds: int = 60
    retry_seconds: tuple[int, ...] = (5, 30, 120, 600)

    def load(self) -> Callable[..., Any]:
        """Import and return the function."""
        module, _, name = self.function.partition(":")
        loaded: Callable[..., Any] = getattr(import_module(module), name)
        return loaded


HANDLERS: Mapping[str, Handler] = {
    "messaging.message": Handler(
        function="config.adapters.sms:send_message", queue=queues.MESSAGES, timeout_seconds=30
    ),
    SETTLE_NIGHT: Handler(
        function="config.jobs:settle_night",
        queue=queues.NIGHT,
        timeout_seconds=6 * 3600,
        retry_seconds=(),  # the schedule asks again by itself
    ),
}
