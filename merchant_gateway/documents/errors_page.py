"""The page of error codes, written from the catalogue that the gateway answers from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from merchant_gateway import catalogue, catalogue_wire
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.catalogue_wire import Kind
from network.language import LazyText, use_locale

_HEAD = """\
# Error codes

Every refusal is a problem document (RFC 9457, `application/problem+json`), signed like any other
answer. Decide by `code` alone: codes are stable, `title` and `detail` are for people, come in the
language of `Accept-Language` (`en` or `fa`) and may be reworded. `hint` (English, signatures and
JSON only) says what to mend; `errors` names fields by JSON pointer, query parameters as `#name`;
`facts` has the figures behind a refusal. `request_id` is what to quote to us.

- **400, 401, 403, 404, 405, 406, 413, 415**: sending the same again changes nothing. Mend the
  request or the key.
- **409, 422**: the network's books say no. Tell the cashier, or read what became of it.
- **429, 503**: wait for `Retry-After` seconds, then send the same request again under the same
  `Idempotency-Key`, signed anew. Nothing is known to be done.
- **500**: a defect of ours. Sending the same again under the same key is safe.

No refusal is stored under its `Idempotency-Key`: a mended request may use the same key.
"""
_GROUPS: tuple[tuple[str, Mapping[str, Kind]], ...] = (
    ("The request and the service", catalogue_wire.TRANSPORT),
    ("Signature, digest and key", catalogue_wire.SIGNATURE),
    ("Access and idempotency", catalogue_wire.ACCESS),
    ("The member and their consent", catalogue.MEMBERS),
    ("Points and references", catalogue.LEDGER),
    ("Terms and amounts", catalogue.PROGRAMME),
    ("Keys and scopes", catalogue.KEYS),
    ("Sandboxes", catalogue.SANDBOX),
    ("Webhooks and events", catalogue.WEBHOOKS),
    ("Records of a day and disputes", catalogue.RECONCILIATION),
)


def errors_page() -> str:
    """Return the whole page as Markdown, in English."""
    with use_locale("en"):
        return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD.rstrip()
    for title, kinds in _GROUPS:
        yield from ("", f"## {title}", "")
        yield from ("| Code | Status | What it means | What to do |", "| --- | --- | --- | --- |")
        for code, kind in kinds.items():
            yield f"| `{code}` | {_status(kind)} | {_cell(kind.title)} | {_cell(kind.detail)} |"
    yield from ("", "## Codes of single fields", "")
    yield "These stand in `errors[].code` of an `invalid_request`."
    yield from ("", "| Code | What it means |", "| --- | --- |")
    for code, text in FIELD_TEXTS.items():
        yield f"| `{code}` | {_cell(text).replace('%(argument)s', '…')} |"


def _status(kind: Kind) -> str:
    again = "" if kind.retry_after is None else f", `Retry-After: {kind.retry_after}`"
    return f"{kind.status}{again}"


def _cell(text: LazyText) -> str:
    return str(text).replace("|", "\\|")
