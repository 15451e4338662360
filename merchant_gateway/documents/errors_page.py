"""The page of error codes, written from the catalogue that the gateway answers from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from merchant_gateway import catalogue, catalogue_wire
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.catalogue_wire import Kind
from merchant_gateway.documents.advice import MEANINGS, turn_of
from network.language import LazyText, use_locale

_HEAD = """\
# Error codes

Every refusal is a problem document (RFC 9457, `application/problem+json`), signed like any other
answer. Decide by `code` alone: codes are stable, `title` and `detail` are for people, come in the
language of `Accept-Language` (`en` or `fa`) and may be reworded. `hint` (English, signatures and
JSON only) says what to mend; `errors` names fields by JSON pointer, query parameters as `#name`;
`facts` has the figures behind a refusal. `request_id` is what to quote to us.

What comes next depends on the code, not on the status; the last column says whose turn it is:

{meanings}

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
    ("Payments between merchants", catalogue.DIRECT),
)


def errors_page() -> str:
    """Return the whole page as Markdown, in English."""
    with use_locale("en"):
        return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    meanings = "\n".join(
        textwrap.fill(
            f"- **{turn}**: {words}", width=100, subsequent_indent="  ", break_on_hyphens=False
        )
        for turn, words in MEANINGS.items()
    )
    yield _HEAD.format(meanings=meanings).rstrip()
    for title, kinds in _GROUPS:
        yield from ("", f"## {title}", "")
        yield "| Code | Status | What it means | What to do | Whose turn |"
        yield "| --- | --- | --- | --- | --- |"
        for code, kind in kinds.items():
            words = f"{_cell(kind.title)} | {_cell(kind.detail)}"
            yield f"| `{code}` | {_status(kind)} | {words} | {turn_of(code)} |"
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
