"""The console's words for reconciliation: its tables, what people did, colours of states."""

from __future__ import annotations

from collections.abc import Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l
from network.reconciliation import words

TABLES: Mapping[str, Mapping[str, LazyText]] = {
    "break": words.KINDS,
    "break_state": words.BREAK_STATES,
    "break_action": words.BREAK_ACTIONS,
    "resolution": words.RESOLUTIONS,
    "record": words.RECORD_STATES,
    "record_type": words.TYPES,
    "record_status": words.STATUSES,
    "fault": words.FAULTS,
    "correction": words.CORRECTION_STATES,
    "correction_kind": {
        "up": _l("Points given"),
        "down": _l("Points taken away"),
        "write_off": _l("Debt written off"),
    },
    "dispute": words.DISPUTE_STATES,
    "dispute_reason": words.DISPUTE_REASONS,
    "dispute_action": words.DISPUTE_ACTIONS,
}
ACTIONS: Mapping[str, LazyText] = {
    "record.taken": _l("Took a merchant's record"),
    "record.matched_again": _l("Had a record matched again"),
    "record.read": _l("Read a merchant's record"),
    "break.resolved": _l("Resolved a break"),
    "break.conceded": _l("Took the network's figure of a break"),
    "adjustment.proposed": _l("Proposed a correction of points"),
    "adjustment.approved": _l("Approved a correction of points"),
    "adjustment.declined": _l("Declined a correction of points"),
    "correction.proposed": _l("Proposed a correction"),
    "correction.posted": _l("Posted a correction"),
    "correction.declined": _l("Declined a correction"),
    "evidence.exported": _l("Took the evidence of an entry as a file"),
    "dispute.opened": _l("Opened a dispute for a merchant"),
    "dispute.accepted": _l("Accepted a dispute"),
    "dispute.rejected": _l("Rejected a dispute"),
}
TONES: Mapping[str, str] = {
    "proposed": "warn",
    "resolved": "good",
    "gone": "",
    "refused": "bad",
    "superseded": "",
    "failed": "bad",
    "posted": "good",
    "accepted": "good",
    "rejected": "",
}
