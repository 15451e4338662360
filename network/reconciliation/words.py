"""The reader's words for reconciliation, the same in the console, the portal and the gateway."""

from __future__ import annotations

from collections.abc import Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l
from network.reconciliation.facts import Fault

KINDS: Mapping[str, LazyText] = {
    "missing_here": _l("Not in the ledger"),
    "missing_there": _l("Not in the merchant's record"),
    "duplicate": _l("There twice"),
    "member_differs": _l("Another member"),
    "status_differs": _l("Another outcome"),
    "amount_differs": _l("A different amount"),
    "points_differ": _l("Other points"),
    "date_differs": _l("Another business day"),
}
TYPES: Mapping[str, LazyText] = {
    "earn": _l("Purchase that earns"),
    "redeem": _l("Points spent"),
    "refund_earn": _l("Purchase refunded"),
    "refund_redeem": _l("Points given back"),
}
STATUSES: Mapping[str, LazyText] = {
    "done": _l("Done"),
    "authorised": _l("Held"),
    "voided": _l("Voided"),
}
RESOLUTIONS: Mapping[str, LazyText] = {
    "accept_ours": _l("Keep our figure"),
    "accept_theirs": _l("Take the merchant's figure"),
    "post_earn": _l("Credit the missing points"),
    "adjust_points": _l("Correct the points"),
    "adjust_money": _l("Correct the money"),
    "write_off": _l("Write the difference off"),
}
BREAK_STATES: Mapping[str, LazyText] = {
    "open": _l("Open"),
    "proposed": _l("Waits for a second person"),
    "resolved": _l("Resolved"),
    "gone": _l("No longer differs"),
}
BREAK_ACTIONS: Mapping[str, LazyText] = {
    "opened": _l("Found"),
    "changed": _l("A later record says something else"),
    "reopened": _l("Differs again in a later record"),
    "gone": _l("No longer differs in a later record"),
    "owned": _l("Has another owner"),
    "comment": _l("Comment"),
    "said": _l("The merchant said"),
    "answered": _l("Told the merchant"),
    "conceded": _l("The merchant takes our figure"),
    "resolved": _l("Resolved"),
    "proposed": _l("Correction proposed"),
    "posted": _l("Correction posted"),
    "declined": _l("Correction declined"),
}
RECORD_STATES: Mapping[str, LazyText] = {
    "waiting": _l("Being matched"),
    "done": _l("Matched"),
    "refused": _l("Not readable"),
    "superseded": _l("Replaced by a later one"),
    "failed": _l("Could not be matched"),
}
METHODS: Mapping[str, LazyText] = {
    "idempotency_key": _l("Idempotency key"),
    "reference": _l("Reference"),
    "receipt": _l("Till and receipt"),
    "amount_time": _l("Amount and time"),
}
DISPUTE_REASONS: Mapping[str, LazyText] = {
    "points": _l("The points are wrong"),
    "amount": _l("The amount is wrong"),
    "member": _l("It was another member"),
    "status": _l("It ended otherwise"),
    "not_ours": _l("It was not ours"),
    "other": _l("Something else"),
}
DISPUTE_STATES: Mapping[str, LazyText] = {
    "open": _l("Open"),
    "proposed": _l("Waits for a second person"),
    "accepted": _l("Accepted"),
    "rejected": _l("Rejected"),
}
DISPUTE_ACTIONS: Mapping[str, LazyText] = {
    "said": _l("Said"),
    "proposed": _l("Correction proposed"),
    "declined": _l("Correction declined"),
    "accepted": _l("Accepted"),
    "rejected": _l("Rejected"),
}
CORRECTION_STATES: Mapping[str, LazyText] = {
    "proposed": _l("Waits for a second person"),
    "posted": _l("Posted"),
    "declined": _l("Declined"),
}
FAULTS: Mapping[str, LazyText] = {
    "missing": _l("This is needed."),
    "null": _l("This cannot be null."),
    "blank": _l("This is empty."),
    "unknown_field": _l("There is no such field."),
    "duplicate_key": _l("This stands here twice."),
    "not_text": _l("This must be text."),
    "not_integer": _l("This must be a whole number, without fraction or exponent."),
    "not_object": _l("A line must be one JSON object."),
    "out_of_range": _l("This number is too large."),
    "too_long": _l("This must have at most 64 characters."),
    "line_too_long": _l("This line is longer than 16 KiB."),
    "control_character": _l("This has characters that cannot be printed."),
    "invisible_character": _l("This has a character that nobody sees."),
    "not_composed": _l("This is not in Unicode's composed form (NFC)."),
    "surrounding_spaces": _l("This begins or ends with a space."),
    "wrong_form": _l("This does not have the documented form."),
    "not_one_of": _l("This is none of the documented values."),
    "foreign_currency": _l("Only IRR is taken."),
    "not_time": _l("This is not a time as in RFC 3339."),
    "time_without_zone": _l("This time lacks its offset from UTC."),
    "other_day": _l("This is more than a day away from the record's day."),
    "unknown_member": _l("This is not the name of a member that the network gave to you."),
    "member_and_card": _l("Only one of member and card is taken."),
    "malformed_json": _l("This line is not JSON in UTF-8."),
    "malformed_csv": _l("This cannot be read as CSV in UTF-8."),
    "other_columns": _l("This row has another number of columns than the first."),
    "too_many": _l("A record has at most a million lines."),
}


def fault_text(fault: Fault) -> str:
    """Return what is wrong with a line, in the reader's language."""
    return str(FAULTS[fault.code])
