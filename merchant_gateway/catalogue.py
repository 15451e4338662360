"""Every error code that the gateway can answer with: its status, its title and what to do.

Codes are stable and part of the public interface. The texts are translated when they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from network.language import LazyText
from network.language import lazy_gettext as _


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem (RFC 9457); ``retry_after`` in seconds where trying again helps."""

    status: int
    title: LazyText
    detail: LazyText
    retry_after: int | None = None


_SIGN = _("Build the signature as the documentation describes; the hint says what differs.")
_CLOCK = _("Sign every attempt anew, with a clock that is set by the network.")
_OTHER_REFERENCE = _("Use a reference of its own for each purchase, redemption and refund.")
_READ_AGAIN = _("Read the redemption to see what became of it.")
_RETRY = _("Nothing is known to be done. Send the same request again, with the same key.")
_MEMBER_HELP = _("Ask the member to open the wallet, or to join there.")

TRANSPORT = {
    "bad_request": Kind(
        400, _("The request cannot be read"), _("Send it as HTTP asks; nothing was done.")
    ),
    "not_found": Kind(
        404,
        _("There is nothing here"),
        _("Check the path and the id; ids of other merchants are not shown."),
    ),
    "method_not_allowed": Kind(
        405, _("This path does not take this method"), _("The Allow header names those it takes.")
    ),
    "not_acceptable": Kind(
        406, _("The form asked for is not available"), _("Ask for a type that is documented.")
    ),
    "body_too_large": Kind(
        413,
        _("The body is too large"),
        _("A call takes at most 64 KiB, a batch 8 MiB, a line of it 64 KiB."),
    ),
    "body_not_allowed": Kind(
        400, _("This method takes no body"), _("Put parameters into the query.")
    ),
    "unsupported_media_type": Kind(
        415,
        _("The body must be JSON"),
        _("Send it as application/json in UTF-8, a batch as application/jsonl."),
    ),
    "malformed_json": Kind(
        400, _("The body is not valid JSON"), _("Send one JSON object; the hint names the place.")
    ),
    "invalid_request": Kind(
        422, _("Some fields are not right"), _("The list of errors names each field.")
    ),
    "rate_limited": Kind(
        429, _("Too many requests"), _("Wait for as long as the Retry-After header says."), 1
    ),
    "internal_error": Kind(
        500, _("Something went wrong on our side"), _("Tell us the request id, please.")
    ),
    "unavailable": Kind(503, _("The service is not available now"), _RETRY, 2),
    "database_unavailable": Kind(503, _("The service is not available now"), _RETRY, 2),
    "no_signing_key": Kind(503, _("The service is not available now"), _RETRY, 2),
    "busy": Kind(503, _("The service is busy"), _RETRY, 1),
    "sign_again": Kind(
        503,
        _("Please sign this request again"),
        _("A store was replaced after it was signed. Nothing was done."),
        1,
    ),
}

SIGNATURE = {
    code: Kind(401, title, detail)
    for code, title, detail in (
        ("signature_missing", _("The request is not signed"), _SIGN),
        ("signature_malformed", _("The signature cannot be read"), _SIGN),
        ("signature_multiple", _("The request has more than one signature"), _SIGN),
        ("signature_parameters", _("The signature's parameters are not right"), _SIGN),
        ("signature_nonce", _("The signature's nonce is not right"), _SIGN),
        ("signature_components", _("The signature covers other parts than it must"), _SIGN),
        ("signature_algorithm", _("The signature uses another algorithm than its key"), _SIGN),
        ("signature_expired", _("The signature is too old"), _CLOCK),
        ("signature_not_yet_valid", _("The signature lies in the future"), _CLOCK),
        ("signature_invalid", _("The signature does not fit the request"), _SIGN),
        (
            "nonce_replayed",
            _("This signed request was received before"),
            _("Sign every attempt anew; the idempotency key stays the same."),
        ),
        (
            "key_unknown",
            _("There is no such key"),
            _("Check the key id and that it belongs to this environment."),
        ),
        ("key_revoked", _("This key was revoked"), _("Sign with a key that is active.")),
        (
            "key_expired",
            _("This key was replaced, and its overlap is over"),
            _("Sign with the key that replaced it."),
        ),
    )
} | {
    code: Kind(400, title, _SIGN)
    for code, title in (
        ("signing", _("The signature cannot be checked")),
        ("message_malformed", _("A part of the request that is signed cannot be read")),
        ("content_type_missing", _("The body has no Content-Type")),
        ("digest_missing", _("The body has no Content-Digest")),
        ("digest_malformed", _("Content-Digest cannot be read")),
        ("digest_mismatch", _("Content-Digest is not that of the body")),
        ("key_malformed", _("This is not an acceptable key")),
    )
}

ACCESS = {
    "merchant_suspended": Kind(
        403, _("This merchant is suspended"), _("Get in touch with the network, please.")
    ),
    "idempotency_key_missing": Kind(
        400,
        _("A POST needs an Idempotency-Key"),
        _("Draw one for each operation, keep it for its retries, and sign it."),
    ),
    "idempotency_key_malformed": Kind(
        400,
        _("The Idempotency-Key is not right"),
        _("It has 16 to 64 letters, digits, hyphens and underscores."),
    ),
    "idempotency_conflict": Kind(
        422,
        _("This Idempotency-Key belongs to another request"),
        _("Draw a new key for each operation."),
    ),
}

MEMBERS = {
    "unknown_member": Kind(404, _("There is no such member"), _MEMBER_HELP),
    "unknown_wallet": Kind(404, _("There is no such member"), _MEMBER_HELP),
    "consent_required": Kind(
        403,
        _("The member has to agree first"),
        _("Scan the code in the member's wallet; phone, card and token do not spend."),
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
}

LEDGER = {
    "refused": Kind(422, _("The ledger refused"), _("The code and the facts say why.")),
    "wallet_busy": Kind(503, _("The service is busy"), _RETRY, 1),
    "points_out_of_range": Kind(
        422, _("The number of points is out of range"), _("Send a smaller amount.")
    ),
    "grant_lapsed": Kind(
        409,
        _("These points would have expired already"),
        _("Send the purchase again in a moment, with the same key."),
    ),
    "duplicate_reference": Kind(
        409, _("This merchant_ref was used already for this member"), _OTHER_REFERENCE
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
        422,
        _("No agreement is in force for this day"),
        _("Get in touch with the network, please."),
    ),
    "no_earning_terms": Kind(
        422,
        _("Nothing can be earned here on this day"),
        _("The merchant has no earning terms in force then."),
    ),
    "no_face_value": Kind(
        422,
        _("A point has no face value on this day"),
        _("Get in touch with the network, please."),
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
    "live_key_required": Kind(
        403,
        _("This needs a live key"),
        _("Test keys check signatures (GET /v1/ping) and manage themselves."),
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
    "unknown_key": Kind(
        404,
        _("This merchant has no such key"),
        _("Check the key id and that it belongs to this environment."),
    ),
    "too_many_keys": Kind(
        409,
        _("There are as many active keys as there may be"),
        _("Revoke a key that is not in use, or wait until a replaced one has ended."),
    ),
    "too_many_test_keys": Kind(409, _("No more test keys today"), _("Use an active one.")),
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

KINDS: dict[str, Kind] = {
    **TRANSPORT,
    **SIGNATURE,
    **ACCESS,
    **MEMBERS,
    **LEDGER,
    **PROGRAMME,
    **KEYS,
    **WEBHOOKS,
}
"""Every code by name; a test holds it against the classes that raise."""

FIELD_TEXTS: dict[str, LazyText] = {
    "missing": _("This field is needed."),
    "null": _("This field cannot be null."),
    "unknown_field": _("There is no such field."),
    "duplicate_key": _("This stands here twice."),
    "nested_too_deeply": _("Nested more than %(argument)s levels deep."),
    "not_text": _("This must be text."),
    "not_integer": _("This must be a whole number, without fraction or exponent."),
    "not_object": _("This must be an object."),
    "not_list": _("This must be a list."),
    "empty_list": _("This list is empty."),
    "too_many": _("At most %(argument)s are taken."),
    "not_positive": _("This must be more than zero."),
    "too_small": _("This must be at least %(argument)s."),
    "too_large": _("This must be at most %(argument)s."),
    "blank": _("This is empty."),
    "too_short": _("This must have at least %(argument)s characters."),
    "too_long": _("This must have at most %(argument)s characters."),
    "control_character": _("This has characters that cannot be printed."),
    "surrounding_spaces": _("This begins or ends with a space."),
    "wrong_form": _("This does not have the documented form."),
    "not_one_of": _("This must be one of: %(argument)s."),
    "exactly_one_of": _("Exactly one of these is needed: %(argument)s."),
    "foreign_currency": _("Only %(argument)s is taken."),
    "not_time": _("This is not a time as in RFC 3339."),
    "time_without_zone": _("This time lacks its offset from UTC."),
    "not_date": _("This is not a date."),
    "in_the_future": _("This lies in the future."),
    "too_long_ago": _("This is more than %(argument)s days ago."),
    "same_line_twice": _("A line is named twice."),
    "empty_change": _("There is nothing to change here."),
    "same_word_twice": _("A word stands here twice."),
    "weak_or_no_key": _("This is not an Ed25519 public key, or a weak one."),
    "unknown_store": _("There is no such store."),
    "closed_store": _("This store is closed."),
    "unknown_terminal": _("This till is not on the store's list, or is closed."),
    "unknown_cursor": _("This cursor was not given out by this list."),
}
"""What can be wrong with one field."""
