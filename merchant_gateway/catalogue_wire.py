"""The codes of the wire: what is wrong with a request before anybody looks at what it asks for."""

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


_SIGN = _("Build the signature as the documentation describes; the hint names what to mend.")
_COMPARE = _(
    "Compare the signature base that you signed with the request as it was received: with a test "
    "key, signature_base in this answer is that base, line by line."
)
_CLOCK = _("Sign every attempt anew, with a clock that is set automatically from the internet.")
RETRY = _("Nothing is known to be done. Send the same request again, with the same key.")

TRANSPORT = {
    "bad_request": Kind(
        400, _("The request cannot be read"), _("Send it as HTTP asks; nothing was done.")
    ),
    "address_too_long": Kind(
        414,
        _("The address is too long"),
        _("Method, address and version have 8,190 bytes together. Ask for fewer things at once."),
    ),
    "headers_too_large": Kind(
        431,
        _("The headers are too large"),
        _("There are at most 60, and each has at most 8,190 bytes."),
    ),
    "expectation_failed": Kind(
        417,
        _("The request expects what this server does not do"),
        _("Leave Expect out, or send 100-continue."),
    ),
    "transfer_coding_unsupported": Kind(
        501,
        _("The body's transfer coding is not known here"),
        _("Send the body with its Content-Length, or chunked and nothing else."),
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
        _("A call takes at most 64 KiB, a batch 8 MiB, a record of a day 32 MiB."),
    ),
    "body_not_allowed": Kind(
        400, _("This method takes no body"), _("Put parameters into the query.")
    ),
    "unsupported_media_type": Kind(
        415,
        _("The body is of another type than this call takes"),
        _("Send JSON as application/json in UTF-8, lines of it as application/jsonl."),
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
    "unavailable": Kind(503, _("The service is not available now"), RETRY, 2),
    "database_unavailable": Kind(503, _("The service is not available now"), RETRY, 2),
    "database_full": Kind(503, _("The service is not available now"), RETRY, 2),
    "statement_timeout": Kind(503, _("The service is busy"), RETRY, 1),
    "no_signing_key": Kind(503, _("The service is not available now"), RETRY, 2),
    "request_late": Kind(
        503,
        _("The request did not come in time"),
        _(
            "It has 20 seconds, a large body longer while it flows. Nothing was done: send the "
            "same request again, with the same key."
        ),
        1,
    ),
    "busy": Kind(503, _("The service is busy"), RETRY, 1),
    "clock_ahead": Kind(503, _("The service is not available now"), RETRY, 2),
    "clock_behind": Kind(503, _("The service is not available now"), RETRY, 2),
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
        ("signature_invalid", _("The signature does not fit the request"), _COMPARE),
        (
            "nonce_replayed",
            _("This signed request was received before"),
            _("Sign every attempt anew; the idempotency key stays the same."),
        ),
        (
            "key_unknown",
            _("There is no such key"),
            _("Check the key id, and that this is the gateway that knows it."),
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
        _(
            "The request differs from the first one that was sent with this key. A retry sends the "
            "first one's stored body again, byte for byte; another operation draws its own key."
        ),
    ),
}
