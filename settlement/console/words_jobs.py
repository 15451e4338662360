"""The console's words for queues and the jobs in them."""

from __future__ import annotations

from collections.abc import Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l

QUEUES = {
    "messages": _l("Messages"),
    "notices": _l("Notices to members"),
    "batches": _l("Batches"),
    "webhooks": _l("Webhooks"),
    "night": _l("Nights"),
    "sandboxes": _l("Sandboxes"),
}
JOBS = {
    "ledger.redemption": _l("Tell a member of points spent"),
    "ledger.capture": _l("Tell a member of points spent"),
    "notices.entries": _l("Tell members of refunds and available points"),
    "notices.expiring": _l("Tell members of points that expire"),
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
MESSAGES = {
    "sign_in": _l("Code to sign in"),
    "joining": _l("Code to join"),
    "leaving": _l("Code to leave the programme"),
    "export": _l("Code for a member's data"),
    "giving": _l("Code for a gift of points"),
    "received": _l("Points were given"),
    "pool": _l("About a shared wallet"),
    "asking": _l("A shop asks for points"),
    "redeemed": _l("Points were spent"),
    "refunded": _l("Points came back"),
    "taken_back": _l("Points were taken back"),
    "available": _l("Points became available"),
    "expiring": _l("Points expire soon"),
    "device": _l("Sign-in on a new device"),
    "merged": _l("Two members became one"),
    "claim_answered": _l("Answer to a report of theft"),
    "question_answered": _l("Answer to a question"),
    "portal_news": _l("To a merchant's people"),
    "operator_news": _l("To operators"),
}
CHANNELS = {"sms": _l("Text message"), "email": _l("E-mail")}
TABLES: Mapping[str, Mapping[str, LazyText]] = {
    "queue": QUEUES,
    "job": JOBS,
    "message": MESSAGES,
    "message_channel": CHANNELS,
}
ACTIONS: Mapping[str, LazyText] = {
    "job.retried": _l("Had a failed job tried again"),
    "message.sent_again": _l("Had a message sent again"),
}
