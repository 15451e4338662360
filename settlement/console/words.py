"""The reader's words for codes that the database holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l
from settlement.words import check_label, step_label

ENTRY_KINDS = {
    "issuance": _l("Earning"),
    "activation": _l("Became available"),
    "authorisation": _l("Held for a purchase"),
    "capture": _l("Spent (hold captured)"),
    "void": _l("Hold voided"),
    "redemption": _l("Spent"),
    "refund_issuance": _l("Earning refunded"),
    "refund_redemption": _l("Spending refunded"),
    "expiry": _l("Expiry of points"),
    "release": _l("Hold ran out"),
    "transfer": _l("Transfer between members"),
    "join": _l("Joined a shared wallet"),
    "leave": _l("Left a shared wallet"),
    "merge": _l("Merge of two members"),
    "extension": _l("Extension of points"),
    "adjustment": _l("Correction by two people"),
    "write_off": _l("Debt written off"),
}
ACCOUNTS = {
    "pending": _l("Wallet: pending"),
    "available": _l("Wallet: available"),
    "held": _l("Wallet: held"),
    "debt": _l("Wallet: debt"),
    "issuance": _l("Issuance"),
    "clawback": _l("Clawback"),
    "receivable": _l("Receivable"),
    "redemption": _l("Redemption"),
    "expiry": _l("Expiry"),
    "adjustment": _l("Adjustment"),
    "transfer": _l("Transfer"),
}
WINDOW_STATES = {
    "open": _l("Open"),
    "closing": _l("Closing"),
    "closed": _l("Closed"),
    "pending_settlement": _l("Pending settlement"),
    "settled": _l("Settled"),
    "aborted": _l("Aborted"),
}
PAYMENT_STATES = {
    "prepared": _l("Prepared"),
    "released": _l("Released"),
    "settled": _l("Booked by the bank"),
    "returned": _l("Returned by the bank"),
}
DIRECTIONS = {"payout": _l("Paid out"), "collection": _l("Collected")}
BANK_OUTCOMES = {
    "settled": _l("Booked as instructed"),
    "returned": _l("Returned"),
    "mismatched": _l("Amount or direction differs"),
    "duplicate": _l("Answered before"),
    "unknown": _l("No payment of ours"),
}
MONEY_ACCOUNTS = {
    "settlement": _l("Merchant's settlement account"),
    "margin": _l("Network's margin"),
    "clearing": _l("Clearing: under way at the bank"),
    "bank": _l("Bank"),
}
MONEY_KINDS = {
    "netting": _l("Netting of a window"),
    "instruction": _l("Instruction to pay"),
    "settlement": _l("Booked by the bank"),
    "return": _l("Returned by the bank"),
}
RUN_STATES = {
    "running": _l("Running"),
    "done": _l("Done"),
    "failed": _l("Failed"),
    "stopped": _l("Stopped: totals differ"),
}
OBLIGATION_KINDS = {
    "redemption": _l("Points taken"),
    "redeposit": _l("Points given back"),
    "margin": _l("Network's margin"),
    "margin_return": _l("Margin returned"),
}
ROLES = {
    "viewer": _l("Viewer"),
    "analyst": _l("Analyst"),
    "operator": _l("Operator"),
    "approver": _l("Approver"),
    "administrator": _l("Administrator"),
}
ACTIONS = {
    "operator.added": _l("Added an operator"),
    "operator.language": _l("Chose a language"),
    "signed_in": _l("Signed in"),
    "signed_out": _l("Signed out"),
    "sign_in.refused": _l("Sign-in refused"),
    "session.ended": _l("Ended a session"),
    "agreement.proposed": _l("Proposed an agreement"),
    "agreement.approved": _l("Approved an agreement"),
    "evidence.read": _l("Read a signed request"),
    "evidence.revealed": _l("Read a signed request with persons"),
}
FINDINGS = {
    "signed": _l("Signed, and unchanged"),
    "wrong_signature": _l("Signature does not fit"),
    "other_body": _l("Signed, but with another body"),
    "unknown_key": _l("Not this merchant's key"),
}
WALLET_STATES = {
    "active": _l("Active"),
    "spend_locked": _l("Spending locked"),
    "closed": _l("Closed"),
    "suspended": _l("Suspended"),
}
CHANNELS = {
    "in_store": _l("Shop"),
    "online": _l("Online"),
    "app": _l("App"),
}
TONES = {
    "settled": "good",
    "done": "good",
    "active": "good",
    "running": "accent",
    "open": "accent",
    "closing": "accent",
    "pending_settlement": "warn",
    "prepared": "warn",
    "released": "accent",
    "returned": "bad",
    "mismatched": "bad",
    "duplicate": "warn",
    "unknown": "bad",
    "failed": "bad",
    "stopped": "bad",
    "aborted": "bad",
    "suspended": "bad",
    "spend_locked": "warn",
    "closed": "",
    "signed": "good",
    "wrong_signature": "bad",
    "other_body": "bad",
    "unknown_key": "bad",
}
_TABLES: Mapping[str, Mapping[str, LazyText]] = {
    "entry": ENTRY_KINDS,
    "account": ACCOUNTS,
    "window": WINDOW_STATES,
    "payment": PAYMENT_STATES,
    "direction": DIRECTIONS,
    "bank": BANK_OUTCOMES,
    "money_account": MONEY_ACCOUNTS,
    "money": MONEY_KINDS,
    "run": RUN_STATES,
    "obligation": OBLIGATION_KINDS,
    "role": ROLES,
    "action": ACTIONS,
    "finding": FINDINGS,
    "wallet": WALLET_STATES,
    "channel": CHANNELS,
}
_LABELS: Mapping[str, Callable[[str], str]] = {"step": step_label, "check": check_label}


def said(code: object, table: str) -> str:
    """Return the words for a code of ``table``; a code without words stands for itself."""
    if table in _LABELS:
        return _LABELS[table](str(code))
    return str(_TABLES[table].get(str(code), code))
