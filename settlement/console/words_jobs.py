"""The console's words for queues and the jobs in them."""

from __future__ import annotations

from collections.abc import Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l

QUEUES = {
    "messages": _l("Messages"),
    "batches": _l("Batches"),
    "webhooks": _l("Webhooks"),
    "night": _l("Nights"),
    "sandboxes": _l("Sandboxes"),
}
JOBS = {
    "ledger.redemption": _l("Tell a member of points spent"),
    "ledger.capture": _l("Tell a member of points spent"),
    "merchant.access": _l("Have the gateway read keys anew"),
    "messaging.message": _l("Send a message"),
    "settlement.night": _l("Settle a business day"),
    "settlement.night_ended": _l("Tell operators of the night"),
    "settlement.night_stalled": _l("Tell operators of the night"),
    "batches.received": _l("Work a batch off"),
    "reconciliations.received": _l("Match a merchant's record"),
    "webhook.due": _l("Deliver webhooks"),
    "sandboxes.due": _l("Tend sandboxes"),
    "housekeeping": _l("Forget what need not be kept"),
}
TABLES: Mapping[str, Mapping[str, LazyText]] = {"queue": QUEUES, "job": JOBS}
ACTIONS: Mapping[str, LazyText] = {"job.retried": _l("Had a failed job tried again")}
