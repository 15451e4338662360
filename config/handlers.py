"""What happens after a commit: for each topic the function that a worker runs, and its queue.

A handler is called as ``function(services, **payload)`` with the payload of the outbox row (ids,
never secrets). It can run twice for one event, and must come to the same end. A topic without a
handler has none: what merchants are told of it is written down by the relay itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from config import queues
from network.clearing.runs import NIGHT_ENDED
from network.events.queries import Event
from network.events.webhooks.deliveries import DUE_TOPIC
from network.merchants import access_epoch
from network.merchants.agreements import ACCOUNT_TOPIC
from network.merchants.keys import KEY_TOPIC
from network.messaging.service import SOON
from network.messaging.service import TOPIC as MESSAGE
from network.portal import links, ways_in

SETTLE_NIGHT = "settlement.night"
NIGHT_STALLED = "settlement.night_stalled"
KEEP_HOUSE = "housekeeping"
WORK_BATCH = "batches.received"
TEND_SANDBOXES = "sandboxes.due"
RECONCILE = "reconciliations.received"
TELL_EXPIRING = "notices.expiring"
ANNOUNCE_SPENT = "ledger.redemption"
TELL_ENTRIES = "notices.entries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """Where a topic goes. ``retry_seconds`` are the pauses before each further attempt.

    ``about_member``: the function takes the event's member and merchant beside the payload.
    ``outlives_queue``: the relay runs it itself before the event goes, since nothing asks for it
    again. It writes messages, for which the schedule does ask; what fails there becomes a job.
    """

    function: str
    queue: str
    timeout_seconds: int = 60
    retry_seconds: tuple[int, ...] = (5, 30, 120, 600)
    about_member: bool = False
    outlives_queue: bool = False

    def load(self) -> Callable[..., Any]:
        """Import and return the function."""
        module, _, name = self.function.partition(":")
        loaded: Callable[..., Any] = getattr(import_module(module), name)
        return loaded

    def arguments(self, event: Event) -> dict[str, Any]:
        """Return what the function is called with for an event: ids and figures."""
        if not self.about_member:
            return event.payload
        ids = {"member_id": str(event.member_id), "merchant_id": str(event.merchant_id)}
        return {**event.payload, **ids}


def _written(function: str) -> Handler:
    return Handler(function=function, queue=queues.MESSAGES, outlives_queue=True)


_ANNOUNCE_REDEMPTION = Handler(
    function="config.jobs:announce_redemption", queue=queues.MESSAGES, about_member=True
)  # after its tries the schedule asks (network/notices/untold.py)
HANDLERS: Mapping[str, Handler] = {
    ANNOUNCE_SPENT: _ANNOUNCE_REDEMPTION,
    "ledger.capture": _ANNOUNCE_REDEMPTION,
    TELL_ENTRIES: Handler(
        function="config.jobs:announce_entries", queue=queues.NOTICES, timeout_seconds=300
    ),
    TELL_EXPIRING: Handler(
        function="config.jobs:tell_expiring",
        queue=queues.NOTICES,
        timeout_seconds=600,
        retry_seconds=(),  # the schedule asks again by itself
    ),
    access_epoch.TOPIC: Handler(function="config.jobs:announce_access", queue=queues.MESSAGES),
    MESSAGE: Handler(
        function="config.adapters.sending:send_message",
        queue=queues.MESSAGES,
        timeout_seconds=30,
        retry_seconds=tuple(round(pause.total_seconds()) for pause in SOON),  # then the schedule
    ),
    NIGHT_ENDED: _written("config.jobs:announce_night"),
    NIGHT_STALLED: Handler(function="config.jobs:announce_night", queue=queues.MESSAGES),
    links.CODE_TOPIC: _written("config.jobs:announce_code"),
    KEY_TOPIC: _written("config.jobs:announce_key"),
    ACCOUNT_TOPIC: _written("config.jobs:announce_account"),
    ways_in.WAY_IN: _written("config.jobs:announce_way_in"),
    WORK_BATCH: Handler(
        function="config.jobs:work_batch",
        queue=queues.BATCHES,
        timeout_seconds=3600,
        retry_seconds=(1, 5, 30),  # after that the schedule asks again
    ),
    RECONCILE: Handler(
        function="config.jobs:reconcile",
        queue=queues.BATCHES,
        timeout_seconds=3600,
        retry_seconds=(1, 5, 30),  # after that the schedule asks again
    ),
    DUE_TOPIC: Handler(
        function="config.webhooks.delivering:deliver",
        queue=queues.WEBHOOKS,
        timeout_seconds=120,
        retry_seconds=(),  # the schedule asks again by itself
    ),
    TEND_SANDBOXES: Handler(
        function="config.sandboxes.tending:tend",
        queue=queues.SANDBOXES,
        timeout_seconds=300,
        retry_seconds=(),  # the schedule asks again by itself
    ),
    SETTLE_NIGHT: Handler(
        function="config.jobs:settle_night",
        queue=queues.NIGHT,
        timeout_seconds=6 * 3600,
        retry_seconds=(),  # the schedule asks again by itself
    ),
    KEEP_HOUSE: Handler(
        function="config.housekeeping:keep_house",
        queue=queues.NIGHT,
        timeout_seconds=3600,
        retry_seconds=(600,),
    ),
}

GATHERED: Mapping[str, str] = {
    "ledger.refund_redemption": TELL_ENTRIES,
    "ledger.refund_issuance": TELL_ENTRIES,
    "ledger.activation": TELL_ENTRIES,
}
"""Topics whose events are handed on together: all that the relay takes at once is one job of the
topic named here, with their entries in order. A night activates hundreds of thousands."""
