"""The reader's words: what is refused at a till, and codes that the database holds."""

from __future__ import annotations

from collections.abc import Mapping

from merchant_gateway.catalogue import KINDS
from merchant_gateway.errors import InvalidRequestError
from merchant_gateway.problems import field_text
from network.errors import PeyvandError
from network.language import LazyText, format_number, ngettext
from network.language import lazy_gettext as _l
from network.reconciliation import words as reconciliation

ROLES = {
    "cashier": _l("Cashier"),
    "finance": _l("Finance"),
    "administrator": _l("Administrator"),
}
ROLE_NOTES = {
    "cashier": _l("Serves customers at the till; sees no figures but the till's own."),
    "finance": _l("Statements, settlements and entries; does not serve customers."),
    "administrator": _l("All of it, and people, stores, keys and webhooks."),
}
USER_STATES = {
    "invited": _l("Invited"),
    "active": _l("Active"),
    "suspended": _l("Suspended"),
}
PIN_STATES = {"none": _l("None"), "set": _l("Set"), "locked": _l("Locked")}
ACT_KINDS = {
    "earn": _l("Purchase that earned"),
    "redeem": _l("Paid with points"),
    "refund_earn": _l("Purchase refunded in part"),
    "refund_redeem": _l("Points given back in part"),
    "undo": _l("Undone"),
    "cancelled": _l("Cancelled before it arrived"),
}
ENTRY_KINDS = {
    "issuance": _l("Purchase that earned"),
    "authorisation": _l("Points held"),
    "capture": _l("Held points taken"),
    "void": _l("Held points given up"),
    "redemption": _l("Paid with points"),
    "refund_issuance": _l("Purchase refunded"),
    "refund_redemption": _l("Points given back"),
}
LINE_KINDS = {
    "redemption": _l("Points taken"),
    "redeposit": _l("Points given back"),
    "margin": _l("Network's margin"),
    "margin_return": _l("Margin returned"),
    "vat": _l("VAT on the margin"),
    "vat_return": _l("VAT on the margin, returned"),
    "acceptance_vat": _l("VAT on the acceptance fee"),
    "acceptance_vat_return": _l("VAT on the acceptance fee, returned"),
    "issuance": _l("Earning, funded on issue"),
    "clawback": _l("Clawback"),
    "adjustment_up": _l("Correction upwards"),
    "adjustment_down": _l("Correction downwards"),
    "expiry": _l("Expiry"),
}
SIDES = {
    "receivable": _l("You receive"),
    "payable": _l("You pay"),
    "fee": _l("Network's fee"),
    "vat": _l("Value added tax"),
    "deposit": _l("From the deposit"),
}
MOVES = {
    "available": _l("Can be spent"),
    "pending": _l("Not yet"),
    "debt": _l("Owed by the member"),
}
CHANNELS = {"in_store": _l("In the shop"), "online": _l("Online"), "app": _l("In the app")}
MERCHANT_STATES = {
    "approved": _l("Approved"),
    "active": _l("Active"),
    "leaving": _l("Leaving"),
    "suspended": _l("Suspended"),
}
KEY_STATES = {
    "active": _l("Active"),
    "ending": _l("Ending"),
    "ended": _l("Ended"),
    "revoked": _l("Revoked"),
}
WEBHOOK_STATES = {
    "enabled": _l("Enabled"),
    "disabled": _l("Disabled"),
    "delivered": _l("Delivered"),
    "waiting": _l("Waiting"),
    "failed": _l("Failed"),
    "dropped": _l("Dropped"),
}
SCOPES = {
    "members": _l("Looking members up"),
    "earnings": _l("Earning"),
    "redemptions": _l("Paying with points"),
    "refunds": _l("Refunds"),
    "transactions": _l("Reading entries"),
    "settlements": _l("Settlements and statements"),
    "webhooks": _l("Webhooks and events"),
    "keys": _l("Keys"),
}
BREAKS = {
    "missing_here": _l("Not in the network's books"),
    "missing_there": _l("Not in your record"),
}
"""In place of the words that operators read."""

BREAK_STATES = {
    "not_closed": _l("Not closed"),
    "proposed": _l("The network prepares a correction"),
}
BREAK_ACTIONS = {
    "said": _l("You said"),
    "answered": _l("The network said"),
    "conceded": _l("You took the network's figure"),
    "resolved": _l("The network resolved it"),
}
RESOLUTIONS = {
    "accept_ours": _l("The network's figure stands"),
    "accept_theirs": _l("Your figure is taken"),
    "post_earn": _l("The missing points are credited"),
    "adjust_points": _l("The points are corrected"),
    "adjust_money": _l("The money is corrected"),
}
FINDINGS = {
    "signed": _l("Your signature holds"),
    "attested": _l("Asked for in the portal; the network's signature holds"),
    "erased": _l("Your signature holds; the member was erased since"),
    "wrong_signature": _l("The signature does not hold"),
    "other_body": _l("The signature is over another body"),
    "unknown_key": _l("The key is not known"),
}
DISPUTE_STATES = {"proposed": _l("The network prepares a correction")}
ACTIONS = {
    "portal.signed_in": _l("Signed in"),
    "portal.ended": _l("Ended a sign-in"),
    "portal_user.invited": _l("Invited somebody"),
    "portal_user.link": _l("Made a new code"),
    "portal_user.link_ended": _l("Ended a code"),
    "portal_user.let_in": _l("Set the password by a code"),
    "portal_user.way_in_proposed": _l("The network proposed a way in"),
    "portal_user.way_in_approved": _l("The network made a way in"),
    "portal_user.pin_set": _l("Chose a PIN"),
    "portal_user.pin_dropped": _l("Went without a PIN again"),
    "portal_user.pin_reset": _l("Reset somebody's PIN"),
    "portal_user.pin_refused": _l("A wrong PIN at a till"),
    "portal_user.pin_locked": _l("A PIN was locked after wrong ones"),
    "portal_user.suspended": _l("Suspended somebody"),
    "portal_user.resumed": _l("Let somebody in again"),
    "key.registered": _l("Registered a key"),
    "key.revoked": _l("Revoked a key"),
    "webhook.created": _l("Made a webhook endpoint"),
    "webhook.changed": _l("Changed a webhook endpoint"),
    "webhook.rotated": _l("Replaced a webhook endpoint's keys"),
    "webhook.removed": _l("Removed a webhook endpoint"),
    "store.added": _l("Added a store"),
    "store.renamed": _l("Renamed a store"),
    "store.closed": _l("Closed a store"),
    "terminal.added": _l("Added a till"),
    "terminal.renamed": _l("Renamed a till"),
    "terminal.closed": _l("Closed a till"),
}
SAID: Mapping[str, Mapping[str, LazyText]] = {
    "role": ROLES,
    "role_note": ROLE_NOTES,
    "user": USER_STATES,
    "pin": PIN_STATES,
    "act": ACT_KINDS,
    "entry": ENTRY_KINDS,
    "line": LINE_KINDS,
    "side": SIDES,
    "move": MOVES,
    "channel": CHANNELS,
    "merchant": MERCHANT_STATES,
    "key": KEY_STATES,
    "webhook": WEBHOOK_STATES,
    "scope": SCOPES,
    "action": ACTIONS,
    "break": {**reconciliation.KINDS, **BREAKS},
    "break_state": {**reconciliation.BREAK_STATES, **BREAK_STATES},
    "break_action": {**reconciliation.BREAK_ACTIONS, **BREAK_ACTIONS},
    "resolution": RESOLUTIONS,
    "record": reconciliation.RECORD_STATES,
    "record_type": reconciliation.TYPES,
    "record_status": reconciliation.STATUSES,
    "fault": reconciliation.FAULTS,
    "dispute": {**reconciliation.DISPUTE_STATES, **DISPUTE_STATES},
    "dispute_reason": reconciliation.DISPUTE_REASONS,
    "dispute_action": reconciliation.DISPUTE_ACTIONS,
    "finding": FINDINGS,
}
TONES = {
    "open": "warn",
    "proposed": "warn",
    "resolved": "good",
    "done": "good",
    "refused": "bad",
    "accepted": "good",
    "signed": "good",
    "attested": "good",
    "erased": "good",
    "wrong_signature": "bad",
    "other_body": "bad",
    "unknown_key": "warn",
    "active": "good",
    "enabled": "good",
    "delivered": "good",
    "invited": "accent",
    "leaving": "warn",
    "ending": "warn",
    "waiting": "warn",
    "suspended": "bad",
    "disabled": "bad",
    "failed": "bad",
    "revoked": "bad",
}

REFUSALS: Mapping[str, LazyText] = {
    "unknown_member": _l("Nobody is a member with this. Has the customer joined?"),
    "unknown_wallet": _l("Nobody is a member with this. Has the customer joined?"),
    "invalid_phone": _l(
        "This is no mobile number, card or code. A number looks like 0912 123 4567."
    ),
    "invalid_card": _l("This is not a card of the network: look at the digits again."),
    "invalid_code": _l(
        "This code is not genuine or too old. Ask for the code the wallet shows now."
    ),
    "card_blocked": _l("This card is blocked. Scan the code in the customer's wallet instead."),
    "code_expired": _l("The code ran out. Ask the customer for the one the wallet shows now."),
    "code_used": _l("This code was used already. Ask the customer for a new one."),
    "code_limit": _l(
        "That is more than the customer allowed. They can raise the limit in the wallet and show "
        "a new code."
    ),
    "person_limit": _l(
        "The customer shares a wallet, and may spend fewer points of it at the moment. Take less, "
        "and the rest in cash or by card."
    ),
    "wallet_moved": _l("The customer's points are just moving to another wallet. Try once more."),
    "consent_required": _l(
        "Only the code in the customer's wallet pays; a phone number or card never does."
    ),
    "consent_refused": _l("The customer said no. Take the sum in cash or by card."),
    "consent_lapsed": _l("No answer came in time, or the code was tried too often. Ask once more."),
    "consent_in_wallet": _l(
        "For so many points the customer agrees in the wallet, which asks for their PIN. Wait for "
        "it, then take the points without a code."
    ),
    "consent_differs": _l("The customer is being asked for something else. Begin again."),
    "idempotency_conflict": _l("This form was sent before with something else in it. Begin again."),
    "duplicate_reference": _l("Something is booked under this reference already. Begin again."),
    "too_many_asked": _l("This customer was asked too often. Scan the code in the wallet instead."),
    "already_member": _l("This number belongs to a member already: go back and type it."),
    "too_many_codes": _l(
        "A message was sent a moment ago, or too many today, or too many codes were wrong. "
        "Ask again later."
    ),
    "unknown_enrolment": _l("This was asked too long ago. Begin again."),
    "enrolment_lapsed": _l("The code works no longer. Send another one."),
    "insufficient_points": _l(
        "The customer has fewer points than that. Take less, and the rest in cash or by card."
    ),
    "points_suspended": _l(
        "Some of the customer's points are suspended, because whoever gave them does not pay. Take "
        "less, and the rest in cash or by card."
    ),
    "issuer_suspended": _l("These points are suspended. Get in touch with the network, please."),
    "spend_locked": _l(
        "The customer has locked spending in the wallet. The purchase can still earn."
    ),
    "wallet_closed": _l("This wallet is closed: it neither earns nor pays."),
    "token_expired": _l("This page was open for too long. Scan the customer's code once more."),
    "token_invalid": _l("This page was open for too long. Scan the customer's code once more."),
    "refund_exceeds_original": _l("That is more than is left to give back of it."),
    "too_many_refunds": _l("It was refunded by amount too often. Give the rest back in points."),
    "not_refundable": _l("This can't be refunded."),
    "unknown_original": _l("There is no such entry any more."),
    "already_undone": _l("It was undone before."),
    "form_cancelled": _l("This form was cancelled: nothing was booked. Begin again."),
    "merchant_suspended": _l("The shop is suspended. Get in touch with the network, please."),
    "merchant_leaving": _l("The shop has left the network: refunds go on, purchases no longer."),
    "no_agreement": _l("The shop has no agreement in force today. Get in touch with the network."),
    "no_earning_terms": _l("Nothing can be earned here today. Get in touch with the network."),
    "no_face_value": _l("A point has no value set for today. Get in touch with the network."),
    "amount_out_of_range": _l("The amount is out of range."),
    "points_out_of_range": _l("The amount is out of range."),
    "wallet_busy": _l("It is busy just now and nothing was booked: send it once more."),
    "day_not_over": _l("This day is not over yet, or is none of the programme's."),
    "empty_record": _l("There is nothing in the file."),
    "record_too_large": _l("The file is larger than a record may be."),
    "break_closed": _l("It is closed already, or the network prepares a correction of it."),
    "invalid_correction": _l("Say it in words, at most 500 characters."),
    "dispute_open": _l("You dispute this line already."),
    "dispute_decided": _l("This dispute is decided, or the network prepares a correction for it."),
    "dispute_too_late": _l("This line is too old to be disputed."),
    "grant_lapsed": _l("It is just midnight and nothing was booked: send it once more."),
}
"""What a code of the gateway or the ledger means to somebody who stands at a till."""

MEMBER_FIELD = frozenset(
    {
        "unknown_member",
        "unknown_wallet",
        "invalid_phone",
        "invalid_card",
        "invalid_code",
        "card_blocked",
        "code_expired",
        "code_used",
        "wallet_closed",
    }
)
"""Refusals that the field of the member is to be looked at for."""

_ABOUT_AMOUNT = frozenset(
    {"code_limit", "person_limit", "insufficient_points", "amount_out_of_range"}
)

_MINUTE = 60
"""Seconds of a minute, minutes of an hour."""

_MOST_MINUTES = 90

_FIELDS = {
    "business_date": "day",
    "store": "store",
    "terminal": "terminal",
    "amount": "amount",
    "points": "amount",
}


def refusal(error: PeyvandError) -> tuple[str, str]:
    """Return the field that a refusal is about (empty for none) and one sentence for the reader."""
    if isinstance(error, InvalidRequestError):
        first = error.errors[0]
        name = first.pointer.rpartition("/")[2].removeprefix("#")
        return _FIELDS.get(name, ""), field_text(first)
    if error.code in REFUSALS:
        named = "member" if error.code in MEMBER_FIELD else ""
        if error.code == "day_not_over":
            named = "day"
        if error.code in _ABOUT_AMOUNT:
            named = "amount"
        return named, str(REFUSALS[error.code])
    kind = KINDS.get(error.code)
    return "", str(KINDS["internal_error"].title if kind is None else kind.title)


def wait(seconds: object) -> str:
    """Return when to try again, in minutes or hours; nothing where that is not known."""
    if not isinstance(seconds, int):
        return ""
    minutes = -(-seconds // _MINUTE)
    if minutes <= _MOST_MINUTES:
        return ngettext(
            "You can ask again in %(number)s minute.",
            "You can ask again in %(number)s minutes.",
            minutes,
            number=format_number(minutes),
        )
    hours = -(-minutes // _MINUTE)
    return ngettext(
        "You can ask again in %(number)s hour.",
        "You can ask again in %(number)s hours.",
        hours,
        number=format_number(hours),
    )


def said(code: object, kind: str) -> str:
    """Return the words for a code of the database; the code itself where it has none."""
    text = str(code)
    return str(SAID[kind].get(text, text))


def tone(code: object) -> str:
    """Return the colour of a state."""
    return TONES.get(str(code), "")
