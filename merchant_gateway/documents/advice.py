"""Whose turn it is after a refusal, code by code: what a calling program can decide by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from merchant_gateway import catalogue, catalogue_wire
from merchant_gateway.catalogue_wire import Kind
from network.language import LazyText
from network.language import lazy_gettext as _l

AGAIN, PROGRAM, CASHIER, READ, OFFICE, NETWORK = (
    *("again", "program", "cashier"),
    *("read", "office", "network"),
)
MEANINGS: Mapping[str, LazyText] = MappingProxyType(
    {
        AGAIN: _l(
            "nothing is known to be done. Send the same request again under the same "
            "`Idempotency-Key`, signed anew, after `Retry-After` seconds where that is given; the "
            "client does so by itself, and `error.retry()` goes on."
        ),
        PROGRAM: _l(
            "the calling program, its key or its clock has to be mended; nothing was done by this "
            "attempt, and the same again will be refused again. Nothing for a cashier."
        ),
        CASHIER: _l(
            "the member or the books say no. Tell the cashier, in the words of `title` and "
            "`detail`."
        ),
        READ: _l(
            "it was done, undone or barred before. Read what became of it before anything is "
            "tried again."
        ),
        OFFICE: _l("a person of the shop decides: what is asked for does not go, or not now."),
        NETWORK: _l("only the network can change it. Get in touch."),
    }
)
"""Each word of the column, and what it means (Markdown)."""

WORDS: Mapping[str, LazyText] = MappingProxyType(
    {
        AGAIN: _l("again"),
        PROGRAM: _l("program"),
        CASHIER: _l("cashier"),
        READ: _l("read"),
        OFFICE: _l("office"),
        NETWORK: _l("network"),
    }
)
"""Each word of the column as the reader finds it."""

_GROUPS: tuple[tuple[Mapping[str, Kind], str], ...] = (
    (catalogue_wire.TRANSPORT, PROGRAM),
    (catalogue_wire.SIGNATURE, PROGRAM),
    (catalogue_wire.ACCESS, PROGRAM),
    (catalogue.MEMBERS, CASHIER),
    (catalogue.LEDGER, CASHIER),
    (catalogue.PROGRAMME, PROGRAM),
    (catalogue.KEYS, PROGRAM),
    (catalogue.SANDBOX, PROGRAM),
    (catalogue.WEBHOOKS, PROGRAM),
    (catalogue.RECONCILIATION, OFFICE),
    (catalogue.DIRECT, OFFICE),
)
_BY_CODE = {
    AGAIN: {"internal_error", "grant_lapsed"},
    PROGRAM: {
        *("token_invalid", "token_expired", "unknown_wallet", "unknown_original", "unknown_id"),
        *("refused", "points_out_of_range", "capture_exceeds_hold", "refund_of_refund"),
        *("unknown_reconciliation", "unknown_break", "unknown_dispute", "unknown_line"),
        "unknown_direct_payment",
        *("day_not_over", "empty_record", "record_too_large", "invalid_dispute"),
    },
    READ: {
        *("duplicate_reference", "reference_barred", "already_captured", "already_voided"),
        *("key_known", "dispute_open", "dispute_decided", "direct_payment_confirmed"),
    },
    OFFICE: {"no_earning_terms", "too_many_keys", "too_many_new_keys", "webhook_endpoint_disabled"},
    NETWORK: {
        *("merchant_suspended", "merchant_leaving", "issuing_suspended", "no_agreement"),
        *("issuer_suspended", "no_face_value", "webhook_endpoint_disabled_by_operator"),
    },
}


def turn_of(code: str) -> str:
    """Return whose turn it is after ``code``; raise KeyError for a code that there is not."""
    if catalogue.KINDS[code].retry_after is not None:
        return AGAIN
    for turn, codes in _BY_CODE.items():
        if code in codes:
            return turn
    return next(turn for kinds, turn in _GROUPS if code in kinds)
