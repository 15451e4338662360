"""The page of error codes, written from the catalogue that the gateway answers from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from merchant_gateway import catalogue, catalogue_wire
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.catalogue_wire import Kind
from merchant_gateway.documents.advice import MEANINGS, WORDS, turn_of
from network.language import LazyText, use_locale
from network.language import gettext as _
from network.language import lazy_gettext as _l

_HEAD = _l(
    """\
# Error codes

Every refusal is a problem document (RFC 9457, `application/problem+json`), signed like any other
answer. Decide by `code` alone: codes are stable, `title` and `detail` are for people, come in the
language of `Accept-Language` (`en` or `fa`) and may be reworded; so does `hint`, which says what to
mend in a signature or in JSON. `errors` names fields by JSON pointer, query parameters as `#name`;
`facts` has the figures behind a refusal. `request_id` is what to quote to us.

What the server itself can't read as a request (`address_too_long`, `headers_too_large`,
`bad_request` and the like) is refused in the same form and signed, but bound to no request; the
connection ends. `request_late` alone is not signed: try again, as after any 503.

What comes next depends on the code, not on the status; the last column says whose turn it is:

%(meanings)s

No refusal is stored under its `Idempotency-Key`: a mended request may use the same key.

What was answered under a key is answered again instead of a refusal, for 30 days. So most refusals
of a POST say that nothing was done under its key, now or before: all of 404, 409 and 422 but
`not_found`, `request_in_progress` and `idempotency_conflict`. The others say nothing about an
[earlier attempt](idempotency.md#what-has-changed-since).
"""
)
_GROUPS: tuple[tuple[LazyText, Mapping[str, Kind]], ...] = (
    (_l("The request and the service"), catalogue_wire.TRANSPORT),
    (_l("Signature, digest and key"), catalogue_wire.SIGNATURE),
    (_l("Access and idempotency"), catalogue_wire.ACCESS),
    (_l("The member and their consent"), catalogue.MEMBERS),
    (_l("Points and references"), catalogue.LEDGER),
    (_l("Terms and amounts"), catalogue.PROGRAMME),
    (_l("Keys and scopes"), catalogue.KEYS),
    (_l("Sandboxes"), catalogue.SANDBOX),
    (_l("Webhooks and events"), catalogue.WEBHOOKS),
    (_l("Records of a day and disputes"), catalogue.RECONCILIATION),
    (_l("Payments between merchants"), catalogue.DIRECT),
)


def errors_page(locale: str = "en") -> str:
    """Return the whole page as Markdown in ``locale``."""
    with use_locale(locale):
        return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    meanings = "\n".join(
        textwrap.fill(
            f"- **{WORDS[turn]}**: {words}",
            width=100,
            subsequent_indent="  ",
            break_on_hyphens=False,
        )
        for turn, words in MEANINGS.items()
    )
    yield (str(_HEAD) % {"meanings": meanings}).rstrip()
    for title, kinds in _GROUPS:
        yield from ("", f"## {title}", "")
        heads = (_("Code"), _("Status"), _("What it means"), _("What to do"), _("Whose turn"))
        yield f"| {' | '.join(heads)} |"
        yield "| --- | --- | --- | --- | --- |"
        for code, kind in kinds.items():
            words = f"{_cell(kind.title)} | {_cell(kind.detail)}"
            yield f"| `{code}` | {_status(kind)} | {words} | {WORDS[turn_of(code)]} |"
    yield from ("", f"## {_('Codes of single fields')}", "")
    yield _("These stand in `errors[].code` of an `invalid_request`.")
    yield from ("", f"| {_('Code')} | {_('What it means')} |", "| --- | --- |")
    for code, text in FIELD_TEXTS.items():
        yield f"| `{code}` | {_cell(text).replace('%(argument)s', '…')} |"


def _status(kind: Kind) -> str:
    again = "" if kind.retry_after is None else f", `Retry-After: {kind.retry_after}`"
    return f"{kind.status}{again}"


def _cell(text: LazyText) -> str:
    return str(text).replace("|", "\\|")
