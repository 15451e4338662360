"""Every error code that the gateway can answer with: its status, its title and what to do.

Codes are stable and part of the public interface. The texts are translated when they are shown.
Those of the wire stand in ``catalogue_wire``, those of fields in ``catalogue_fields``.
"""

from __future__ import annotations

from merchant_gateway.catalogue_wire import ACCESS, RETRY, SIGNATURE, TRANSPORT, Kind
from network.language import lazy_gettext as _

_OTHER_REFERENCE = _("Use a reference of its own for each purchase, redemption and refund.")
_ENTRY_THERE = _(
    "The facts name the entry: read it to see whether it is this one. Another purchase, redemption "
    "or refund takes a reference of its own."
)
_READ_AGAIN = _("Read the redemption to see what became of it.")
_MEMBER_HELP = _("Ask the member to open the wallet, or to join there.")

MEMBERS = {
    "unknown_member": Kind(404, _("There is no such member"), _MEMBER_HELP),
    "unknown_wallet": Kind(404, _("There is no such member"), _MEMBER_HELP),
    "consent_required": Kind(
        403,
        _("The member has to agree first"),
        _(
            "Scan the code in the member's wallet; phone, card and token do not spend. Or send "
            "`consent` with `ask`."
        ),
    ),
    "unknown_spend_request": Kind(
        404,
        _("Nobody was asked under this id"),
        _("Check the id; a request that came to nothing is deleted after 30 days."),
    ),
    "consent_differs": Kind(
        409,
        _("The member is being asked for something else under this merchant_ref"),
        _("Send what you asked for, or reverse it and ask under another reference."),
    ),
    "consent_refused": Kind(
        422, _("The member said no"), _("Take the sum in money, or ask for the wallet's code.")
    ),
    "consent_lapsed": Kind(
        422,
        _("The member's word did not come in time"),
        _("Ask anew under a new key, or scan the code in the member's wallet."),
    ),
    "consent_code_wrong": Kind(
        422,
        _("This is not the code that the member was sent"),
        _("Type it again; the facts say how many tries are left."),
    ),
    "consent_in_wallet": Kind(
        422, _("So many points are agreed to in the wallet"), _("Wait, then repeat the first call.")
    ),
    "too_many_asked": Kind(
        429,
        _("This member was asked too often"),
        _("Scan the code in the member's wallet; asking again is possible later."),
    ),
    "token_invalid": Kind(
        422, _("The member token is not valid"), _("Look the member up again to get a new one.")
    ),
    "token_expired": Kind(
        422, _("The member token ran out"), _("Look the member up again to get a new one.")
    ),
    "code_expired": Kind(
        422, _("The member's code ran out"), _("Ask the member to show the current code.")
    ),
    "code_used": Kind(
        422, _("The member's code was used already"), _("Ask the member to show a new code.")
    ),
    "code_limit": Kind(
        422,
        _("This is more than the member agreed to"),
        _("The member can raise the limit in the wallet and show a new code."),
    ),
    "person_limit": Kind(
        422,
        _("This is more than the member may spend of a shared wallet"),
        _("The wallet's owner set a limit. Take at most facts.left points, the rest in money."),
    ),
    "invalid_phone": Kind(
        422, _("This is not a mobile number"), _("Send it as 09… or with +98 in front.")
    ),
    "invalid_card": Kind(
        422, _("This is not a card number"), _("A card has 16 digits, the last one a check digit.")
    ),
    "invalid_code": Kind(
        422,
        _("This is not a genuine member's code"),
        _("Ask the member to show the current code."),
    ),
    "card_blocked": Kind(
        422, _("This card is blocked"), _("The member has a newer card, and a code in the wallet.")
    ),
    "already_member": Kind(
        409, _("This phone belongs to a member already"), _("Look the member up and go on.")
    ),
    "membership_consent_required": Kind(
        422,
        _("Joining needs the customer's yes to membership"),
        _("Ask the customer, and send membership among the consents."),
    ),
    "invalid_member_data": Kind(
        422, _("This cannot be a member's data"), _("The error names the field.")
    ),
    "too_many_codes": Kind(
        429,
        _("A message was sent a moment ago, or too many, or too many codes were wrong"),
        _("Wait for as long as the Retry-After header says, then ask again."),
    ),
    "unknown_enrolment": Kind(
        404,
        _("Nobody was asked to join under this id"),
        _("Check the id. Who has not joined within 7 days is forgotten: ask again."),
    ),
    "enrolment_lapsed": Kind(
        422,
        _("The code works no longer"),
        _("Ask the customer to join once more; another code is sent."),
    ),
    "enrolment_code_wrong": Kind(
        422,
        _("This is not the code that the customer was sent"),
        _("Type it again; the facts say how many tries are left."),
    ),
    "wallet_closed": Kind(
        422, _("The member's wallet is closed"), _("It neither earns nor spends.")
    ),
    "spend_locked": Kind(
        422,
        _("The member's wallet is locked for spending"),
        _("It still earns. The member can unlock it in the wallet."),
    ),
    "insufficient_points": Kind(
        422, _("There are not enough points"), _("Take fewer points, or the rest in money.")
    ),
    "points_suspended": Kind(
        422,
        _("Some of the member's points are suspended"),
        _("Whoever gave them does not pay. Take at most what the facts call spendable."),
    ),
}

LEDGER = {
    "refused": Kind(422, _("The ledger refused"), _("The code and the facts say why.")),
    "wallet_busy": Kind(503, _("The service is busy"), RETRY, 1),
    "wallet_moved": Kind(503, _("The member's points are moving just now"), RETRY, 1),
    "points_out_of_range": Kind(
        422, _("The number of points is out of range"), _("Send a smaller amount.")
    ),
    "grant_lapsed": Kind(
        409,
        _("These points would have expired already"),
        _("Send the purchase again in a moment, with the same key."),
    ),
    "issuer_suspended": Kind(
        403,
        _("These points are suspended"),
        _("Two people of the network suspended them; none can be given until they lift it."),
    ),
    "duplicate_reference": Kind(
        409, _("This merchant_ref was used already for this member"), _ENTRY_THERE
    ),
    "reference_barred": Kind(
        409, _("This merchant_ref was reversed before it arrived"), _OTHER_REFERENCE
    ),
    "unknown_original": Kind(
        404, _("There is no such entry to act on"), _("Check the id and the merchant_ref.")
    ),
    "already_captured": Kind(409, _("These points were captured already"), _READ_AGAIN),
    "already_voided": Kind(409, _("These points were released already"), _READ_AGAIN),
    "hold_expired": Kind(
        409, _("The hold ran out and the points are gone"), _("Ask the member for a new code.")
    ),
    "capture_exceeds_hold": Kind(
        422, _("This is more than was held"), _("Capture at most what was authorised.")
    ),
    "refund_exceeds_original": Kind(
        422, _("This is more than is left to refund"), _("Earlier refunds count too.")
    ),
    "too_many_refunds": Kind(
        422, _("It was refunded by amount too often"), _("Give the rest back in points.")
    ),
    "refund_of_refund": Kind(
        422, _("A refund cannot be refunded"), _("Name the purchase or the redemption itself.")
    ),
    "not_refundable": Kind(
        422,
        _("This entry cannot be refunded"),
        _("Only purchases and captured redemptions can; a hold is voided."),
    ),
    "unknown_id": Kind(404, _("There is nothing with this id"), _("Check the id.")),
}

PROGRAMME = {
    "no_agreement": Kind(
        422, _("No agreement is in force for this day"), _("Get in touch with the network, please.")
    ),
    "no_earning_terms": Kind(
        422,
        _("Nothing can be earned here on this day"),
        _("The merchant has no earning terms in force then."),
    ),
    "no_face_value": Kind(
        422, _("A point has no face value on this day"), _("Get in touch with the network, please.")
    ),
    "amount_out_of_range": Kind(
        422, _("The amount is out of range"), _("Send a whole number of rials above zero.")
    ),
    "lines_do_not_sum": Kind(
        422,
        _("The lines do not add up to the amount"),
        _("Each line says what was paid for all of it, in rials."),
    ),
    "too_many_lines": Kind(
        422, _("The purchase has too many lines"), _("Put lines of the same category together.")
    ),
    "unknown_batch": Kind(
        404, _("There is no such batch"), _("Check the id; results are kept for 30 days.")
    ),
    "too_many_batches": Kind(
        429,
        _("Too many batches are under way"),
        _("Send the next one when one of them is done; the facts say how many there may be."),
        retry_after=5,
    ),
}

KEYS = {
    "test_key_required": Kind(
        403,
        _("This needs a test key"),
        _("Only sandboxes have members to be made up and a clock to be moved."),
    ),
    "insufficient_scope": Kind(
        403,
        _("This key is not for this"),
        _("The facts name the scope that is missing. Use a key that has it."),
    ),
    "merchant_leaving": Kind(
        403,
        _("This merchant has left"),
        _("It neither gives nor takes points; refunds and statements go on."),
    ),
    "issuing_suspended": Kind(
        403,
        _("This merchant can't give points now"),
        _("It owes as much as was agreed. Taking points and refunds go on; giving opens again."),
    ),
    "unknown_key": Kind(
        404,
        _("This merchant has no such key"),
        _("Check the key id, and that it belongs to this environment."),
    ),
    "too_many_keys": Kind(
        409,
        _("There are as many active keys as there may be"),
        _("Revoke a key that is not in use, or wait until a replaced one has ended."),
    ),
    "too_many_new_keys": Kind(409, _("No more new keys today"), _("Use an active one.")),
    "key_known": Kind(
        409, _("This public key was registered before"), _("Make a new pair of keys.")
    ),
    "key_ended": Kind(
        409, _("The key to be replaced has ended already"), _("Name a key that is active.")
    ),
    "invalid_key": Kind(
        422, _("This is not an acceptable key"), _("Send an Ed25519 public key of 32 bytes.")
    ),
    "proof_invalid": Kind(
        422,
        _("The proof of possession does not fit"),
        _("Sign the four lines with the new key, as the documentation describes."),
    ),
    "scope_not_held": Kind(
        422,
        _("The signing key does not open all of these"),
        _("A key can only hand on what it opens itself."),
    ),
    "request_in_progress": Kind(
        409, _("This request is being worked on"), _("Ask again in a moment, with the same key."), 1
    ),
}

SANDBOX = {
    "sandbox_unavailable": Kind(
        503,
        _("The sandbox is not ready"),
        _("One is being made. Send the same request again in a few seconds."),
        3,
    ),
    "sandbox_full": Kind(
        409,
        _("The sandbox is full"),
        _("Reset it: POST /v1/sandbox/reset gives you a fresh one."),
    ),
    "clock_too_far": Kind(
        422,
        _("The sandbox's clock would run too far ahead"),
        _("The facts say how far it may. Reset the sandbox to begin with today."),
    ),
}

_ENDPOINTS = _("List the endpoints to see what there is.")
WEBHOOKS = {
    "unknown_event": Kind(
        404, _("There is no such event"), _("Check the id; events are kept for 30 days.")
    ),
    "unknown_webhook_endpoint": Kind(404, _("There is no such webhook endpoint"), _ENDPOINTS),
    "too_many_webhook_endpoints": Kind(
        409, _("There are as many webhook endpoints as there may be"), _("Remove one first.")
    ),
    "webhook_endpoint_disabled": Kind(
        409, _("This webhook endpoint is disabled"), _("Enable it first.")
    ),
    "webhook_endpoint_disabled_by_operator": Kind(
        409,
        _("The network's operator has disabled this webhook endpoint"),
        _("Ask the operator to enable it again."),
    ),
    "webhook_url_refused": Kind(
        422,
        _("Webhooks cannot go to this URL"),
        _("Use https and a host on the public internet; the facts give the reason."),
    ),
}

_DISPUTES = _("Read your disputes to see what there is.")
RECONCILIATION = {
    "unknown_reconciliation": Kind(
        404, _("There is no such record of a day"), _("Check the id, or send the record.")
    ),
    "day_not_over": Kind(
        422,
        _("This business day is not over"),
        _("Send the record of a day once the day has ended."),
    ),
    "empty_record": Kind(
        422,
        _("The record is empty"),
        _("A day without sales is a CSV file with its first row alone."),
    ),
    "record_too_large": Kind(
        413, _("The record is too large"), _("A record has at most 256 MiB and a million lines.")
    ),
    "unknown_break": Kind(404, _("There is no such break"), _("List the breaks of the record.")),
    "unknown_dispute": Kind(404, _("There is no such dispute"), _DISPUTES),
    "unknown_line": Kind(
        404,
        _("There is no such line of yours"),
        _("Name an entry that you made, or one that stands on your statement."),
    ),
    "dispute_open": Kind(409, _("You dispute this line already"), _DISPUTES),
    "dispute_decided": Kind(409, _("This dispute is decided"), _DISPUTES),
    "dispute_too_late": Kind(
        422,
        _("This line can no longer be disputed"),
        _("The facts say for how many days a line can be."),
    ),
    "invalid_dispute": Kind(
        422, _("This is no dispute"), _("Give a reason, and say in words what is wrong.")
    ),
}

DIRECT = {
    "unknown_direct_payment": Kind(
        404,
        _("There is no such payment of yours"),
        _("List your payments between merchants; they are there once they are handed out."),
    ),
    "not_the_payee": Kind(
        403,
        _("Only the payee says whether a payment arrived"),
        _("You pay this one. Ask the other side to confirm it."),
    ),
    "direct_payment_confirmed": Kind(
        409,
        _("This payment is confirmed already"),
        _("Get in touch with the network, if it did not arrive after all."),
    ),
}

KINDS: dict[str, Kind] = {
    **TRANSPORT,
    **SIGNATURE,
    **ACCESS,
    **MEMBERS,
    **LEDGER,
    **PROGRAMME,
    **KEYS,
    **SANDBOX,
    **WEBHOOKS,
    **RECONCILIATION,
    **DIRECT,
}
"""Every code by name; a test holds it against the classes that raise."""
