"""The reader's words for codes that the database holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from network.language import LazyText
from network.language import lazy_gettext as _l
from settlement.console import words_claims, words_jobs
from settlement.console import words_money as money
from settlement.console import words_reconciliation as reconciliation
from settlement.console.words_acts import ACTIONS
from settlement.console.words_facts import FACTS
from settlement.words import check_label, step_label

ENTRY_KINDS = {
    "issuance": _l("Earning"),
    "activation": _l("Became available"),
    "authorisation": _l("Held for a purchase"),
    "capture": _l("Redemption (hold captured)"),
    "void": _l("Hold voided"),
    "redemption": _l("Redemption"),
    "refund_issuance": _l("Earning refunded"),
    "refund_redemption": _l("Redemption given back"),
    "expiry": _l("Expiry"),
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
STANDINGS = {
    "within": _l("Within its limit"),
    "near": _l("Near its limit"),
    "full": _l("Limit reached"),
}
KEY_PURPOSES = {
    "answers": _l("Answers of the gateway"),
    "tokens": _l("Tokens for members"),
    "seals": _l("Seals of days, statements, proofs"),
}
ISSUING = {
    "open": _l("Gives points"),
    "limit": _l("Gives no points: limit reached"),
    "default": _l("Gives no points: stopped by two people"),
}
RUN_STATES = {
    "running": _l("Running"),
    "done": _l("Done"),
    "failed": _l("Failed"),
    "stopped": _l("Stopped: totals differ"),
    "aborted": _l("Aborted"),
}
OBLIGATION_KINDS = {
    "redemption": _l("Redemption"),
    "redeposit": _l("Redemption given back"),
    "margin": _l("Network's margin"),
    "margin_return": _l("Margin returned"),
    "vat": _l("VAT on the margin"),
    "vat_return": _l("VAT on the margin returned"),
    "acceptance_vat": _l("VAT on the acceptance fee"),
    "acceptance_vat_return": _l("VAT on the acceptance fee returned"),
    "issuance": _l("Earning"),
    "adjustment_up": _l("Correction upwards"),
    "clawback": _l("Clawback"),
    "adjustment_down": _l("Correction downwards"),
    "expiry": _l("Expiry"),
    "rounding": _l("Rounding of the pool"),
}
OBLIGATION_NOTES = {
    "redemption": _l("Members paid with these points; who funds them owes the acceptor."),
    "redeposit": _l(
        "Purchases paid with points were returned: the acceptor owes what it was paid."
    ),
    "margin": _l("What the issuer pays above what the acceptor gets; below zero the network adds."),
    "margin_return": _l("Purchases paid with points were returned, and the margin with them."),
    "vat": _l("Value added tax on the network's margin; it stands on a line of its own."),
    "vat_return": _l("The margin was returned, and its tax with it."),
    "acceptance_vat": _l("Value added tax on what the acceptor gives up of the face value."),
    "acceptance_vat_return": _l("The acceptance fee was returned, and its tax with it."),
    "issuance": _l(
        "Funding on issue: the issuer pays for points into the pool when it gives them."
    ),
    "adjustment_up": _l("Two people gave points; the issuer pays for them into the pool."),
    "clawback": _l(
        "Points were taken back before anybody spent them; the pool returns their money."
    ),
    "adjustment_down": _l("Two people took points away; the pool returns their money."),
    "expiry": _l("Points lapsed; the pool hands their money to whom the agreement names."),
    "rounding": _l(
        "Many amounts, each rounded for itself, differ from the rounded whole by single units; the "
        "rounding account takes the difference, so that the pool is what its points cost."
    ),
}
FUNDING = {
    "on_redemption": _l("When points are taken"),
    "on_issue": _l("When points are given"),
    "prefunded": _l("In advance, out of its deposit"),
}
BENEFICIARIES = {"network": _l("The network"), "issuer": _l("The issuer")}
TAXED_FEES = {
    "margin": _l("the network's margin, paid by the issuer"),
    "acceptance_fee": _l("the acceptance fee, paid by the acceptor"),
}
SIDES = {
    "receivable": _l("Receivable"),
    "payable": _l("Payable"),
    "fee": _l("Margin and VAT"),
}
LINE_SIDES = {
    "receivable": _l("Receivable"),
    "payable": _l("Payable"),
    "fee": _l("Network's margin"),
    "vat": _l("VAT"),
    "deposit": _l("Out of the deposit"),
}
ROLES = {
    "viewer": _l("Viewer"),
    "analyst": _l("Analyst"),
    "operator": _l("Operator"),
    "approver": _l("Approver"),
    "administrator": _l("Administrator"),
}
ROLE_MEANINGS = {
    "viewer": _l("sees figures and entries, no persons"),
    "analyst": _l("also takes tables out as files"),
    "operator": _l("also sees members, and proposes"),
    "approver": _l("also approves what another proposed, reads the audit log"),
    "administrator": _l("also manages operators"),
}
OPERATOR_STATES = {"active": _l("Active"), "suspended": _l("Suspended")}
WEBHOOK_STATES = {
    "enabled": _l("Enabled"),
    "disabled": _l("Disabled"),
    "waiting": _l("Waiting"),
    "delivered": _l("Delivered"),
    "failed": _l("Given up"),
    "dropped": _l("Dropped"),
}
WEBHOOK_REASONS = {
    "merchant": _l("by the merchant"),
    "operator": _l("by the network"),
    "gone": _l("the address answered 410 (gone)"),
}
WEBHOOK_OUTCOMES = {
    "delivered": _l("Taken"),
    "refused": _l("Not taken"),
    "redirected": _l("Redirected, not followed"),
    "gone": _l("Gone"),
    "timed_out": _l("No answer in time"),
    "unreachable": _l("Not reachable"),
    "unresolved": _l("Name not found"),
    "tls_failed": _l("TLS failed"),
    "malformed_answer": _l("No HTTP answer"),
    "address_refused": _l("Address not public"),
    "internal_error": _l("Defect of ours"),
}
FINDINGS = {
    "signed": _l("Signed, and unchanged"),
    "wrong_signature": _l("Signature does not fit"),
    "other_body": _l("Signed, but with another body"),
    "unknown_key": _l("Not this merchant's key"),
    "attested": _l("Asked for in the portal; the network signed who asked"),
    "erased": _l("Signed; the member was erased since"),
}
PORTAL_ROLES = {
    "cashier": _l("Cashier"),
    "finance": _l("Finance"),
    "administrator": _l("Administrator"),
}
PORTAL_USERS = {
    "invited": _l("Invited"),
    "active": _l("Active"),
    "suspended": _l("Suspended"),
}
WALLET_STATES = {
    "active": _l("Active"),
    "spend_locked": _l("Spending locked"),
    "closed": _l("Closed"),
    "suspended": _l("Suspended"),
}
MERCHANT_STATES = {
    "applied": _l("Applied"),
    "declined": _l("Declined"),
    "approved": _l("Approved, not live yet"),
    "active": _l("Active"),
    "suspended": _l("Suspended"),
    "leaving": _l("Leaving"),
    "left": _l("Has left"),
}
WAYS = {
    "program": _l("With a program of its own"),
    "browser": _l("In the browser, without a program"),
}
APPLICATION_STATES = {
    "waiting": _l("Waiting"),
    "approved": _l("Approved"),
    "declined": _l("Declined"),
}
MERCHANT_KINDS = {
    "retail": _l("Shop"),
    "grocer": _l("Groceries"),
    "restaurant": _l("Restaurant or café"),
    "pharmacy": _l("Pharmacy"),
    "fashion": _l("Clothing"),
    "travel": _l("Travel"),
    "online": _l("Online shop"),
    "services": _l("Services"),
    "sponsor": _l("Sponsor"),
}
KEY_STATES = {
    "active": _l("In use"),
    "ending": _l("Replaced, until"),
    "ended": _l("Replaced"),
    "revoked": _l("Revoked"),
}
SCOPES = {
    "members": _l("members"),
    "earnings": _l("earning"),
    "redemptions": _l("spending"),
    "refunds": _l("refunds"),
    "transactions": _l("entries"),
    "settlements": _l("settlements"),
    "webhooks": _l("webhooks"),
    "keys": _l("keys"),
}
CHANNELS = {
    "in_store": _l("Shop"),
    "online": _l("Online"),
    "app": _l("App"),
}
CAMPAIGN_STATES = {
    "draft": _l("Waiting for approval"),
    "approved": _l("Approved"),
    "paused": _l("Paused"),
    "ended": _l("Ended"),
    "declined": _l("Declined"),
}
TONES = {
    "draft": "warn",
    "approved": "good",
    "paused": "warn",
    "settled": "good",
    "done": "good",
    "active": "good",
    "running": "accent",
    "open": "accent",
    "closing": "accent",
    "pending_settlement": "warn",
    "prepared": "warn",
    "awaited": "warn",
    "sent": "accent",
    "released": "accent",
    "confirmed": "good",
    "returned": "bad",
    "mismatched": "bad",
    "cancelled": "bad",
    "within": "good",
    "near": "warn",
    "full": "bad",
    "late": "bad",
    "duplicate": "warn",
    "unknown": "bad",
    "failed": "bad",
    "stopped": "bad",
    "aborted": "bad",
    "suspended": "bad",
    "waiting": "warn",
    "declined": "",
    "leaving": "warn",
    "ending": "warn",
    "revoked": "bad",
    "spend_locked": "warn",
    "closed": "",
    **reconciliation.TONES,
    "signed": "good",
    "erased": "good",
    "wrong_signature": "bad",
    "other_body": "bad",
    "unknown_key": "bad",
}
_TABLES: Mapping[str, Mapping[str, LazyText]] = {
    "entry": ENTRY_KINDS,
    "account": ACCOUNTS,
    "campaign": CAMPAIGN_STATES,
    "window": WINDOW_STATES,
    "payment": money.PAYMENT_STATES,
    "release": money.RELEASE_STATES,
    "direction": money.DIRECTIONS,
    "standing_of_payment": money.STANDINGS,
    "line_side": LINE_SIDES,
    "direct": money.DIRECT_STATES,
    "mode": money.MODES,
    "mode_means": money.MODE_MEANINGS,
    "standing": STANDINGS,
    "issuing": ISSUING,
    "carried": money.CARRIED,
    "key_purpose": KEY_PURPOSES,
    "bank": money.BANK_OUTCOMES,
    "money_account": money.MONEY_ACCOUNTS,
    "money": money.MONEY_KINDS,
    "run": RUN_STATES,
    "obligation": OBLIGATION_KINDS,
    "obligation_note": OBLIGATION_NOTES,
    "funding": FUNDING,
    "beneficiary": BENEFICIARIES,
    "taxed_fee": TAXED_FEES,
    "side": SIDES,
    "role": ROLES,
    "role_means": ROLE_MEANINGS,
    "operator": OPERATOR_STATES,
    "action": ACTIONS,
    "fact": FACTS,
    "finding": FINDINGS,
    "portal_role": PORTAL_ROLES,
    "portal_user": PORTAL_USERS,
    "webhook": WEBHOOK_STATES,
    "webhook_reason": WEBHOOK_REASONS,
    "webhook_outcome": WEBHOOK_OUTCOMES,
    "wallet": WALLET_STATES,
    "channel": CHANNELS,
    "merchant": MERCHANT_STATES,
    "application": APPLICATION_STATES,
    "way": WAYS,
    "kind": MERCHANT_KINDS,
    "key": KEY_STATES,
    "scope": SCOPES,
    **reconciliation.TABLES,
    **words_jobs.TABLES,
    **words_claims.TABLES,
}
_LABELS: Mapping[str, Callable[[str], str]] = {"step": step_label, "check": check_label}


def said_all(table: str) -> list[tuple[str, str]]:
    """Return every code of ``table`` with its words, in their order."""
    return [(code, str(words)) for code, words in _TABLES[table].items()]


def said(code: object, table: str) -> str:
    """Return the words for a code of ``table``; a code without words stands for itself."""
    if table in _LABELS:
        return _LABELS[table](str(code))
    return str(_TABLES[table].get(str(code), code))
