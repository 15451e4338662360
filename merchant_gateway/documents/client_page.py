"""The page of the Python client and its command line, written from their own code.

What stands in docstrings is English. Its Persian is in ``client_words.fa.txt``: each sentence with
the one that it stands for above it, so a docstring that changes lacks its Persian until somebody
has read both.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click

from merchant_gateway.client import errors
from merchant_gateway.client.batches import Batches
from merchant_gateway.client.cli import main
from merchant_gateway.client.client import GatewayClient
from merchant_gateway.client.direct_payments import DirectPayments
from merchant_gateway.client.endpoints import Endpoints
from merchant_gateway.client.journal import read_journal
from merchant_gateway.client.keys import load_key
from merchant_gateway.client.messages import Request
from merchant_gateway.client.own_keys import Keys
from merchant_gateway.client.reconciliation import Reconciliation
from merchant_gateway.client.sandbox import Sandbox
from merchant_gateway.client.trade import Trade
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.language import use_locale

_HEAD = _l(
    """\
# The Python client

It signs, tries again under the same key, believes only an answer that the network signed for this
very request, and raises typed errors. This page is written from its code.

## The client alone

A till or a web shop needs the client and nothing of the network: Python 3.11 or newer, `requests`,
`cryptography` and `click`. In the repository, one command builds it as a wheel of some 80 kB:

```sh
make client          # dist/peyvand_merchant-0.1.0-py3-none-any.whl
```

Take that file to where the shop's program runs, into an environment of its own (the whole network,
`peyvand`, has the same package in it, so the two don't go into one):

```sh
python3 -m venv shop && . shop/bin/activate
pip install peyvand_merchant-0.1.0-py3-none-any.whl
peyvand-merchant --help
```

pip can build it from the source as well: `pip install ./merchant_gateway/client`.

## What all calls have in common

Amounts are whole rials, points whole points, times aware datetimes. A member is named by one of
`phone`, `card`, `code` and `token`, as in `member={"phone": "09121234567"}`; all of
them earn; only a code spends, or any of them once the member was asked (`consent`).
What changes something takes an `idempotency_key`, and draws one where none is given. Without
`occurred_at` the gateway takes the moment at which the request arrives, in the network's time.

An `Answer` has `data` (the JSON object), `status`, `replayed` (whether it is the stored answer of
an earlier call), `request_id`, `content` (the bytes) and `idempotency_key`. Lists are iterators
that turn the pages by themselves.
"""
)
_SALT = _l(
    """\
The client puts a [salt](signing.md#once-a-member-is-erased) beside each member. A gateway from
before salts refuses it (`unknown_field`, `/member/salt`); for such a one, `salt=False`, in a
profile `salt = false`, and for one command `peyvand-merchant --no-salt`.
"""
)
_AFTER_ERRORS = _l(
    """\
Every `CallError` has the `request` as it was sent, and `retry()`, which sends it again, to the
byte, signed anew; `client.resend(request)` does the same later, with a request that was kept by
`request.to_json()` and read by `Request.from_json(text)`. [Idempotency](idempotency.md) shows it.
"""
)
_PARTS: tuple[tuple[str, str, type], ...] = (
    ("client", "", GatewayClient),
    ("client.batches", "batches.md", Batches),
    ("client.endpoints", "webhooks.md", Endpoints),
    ("client.reconciliation", "reconciliation.md", Reconciliation),
    ("client.direct_payments", "flows.md#payments-between-merchants", DirectPayments),
    ("client.trade", "flows.md#who-sends-you-customers", Trade),
    ("client.keys", "keys.md", Keys),
    ("client.sandbox", "sandbox.md", Sandbox),
)
_FUNCTIONS = (load_key, read_journal, Request.to_json, Request.from_json)
FOLDER = Path(__file__).parent
_MODULE = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")


def client_page(locale: str = "en") -> str:
    """Return the whole page as Markdown in ``locale``.

    Raises KeyError for a sentence of the code that has no Persian.
    """
    with use_locale(locale):
        return "\n".join(_lines(persian()[1].__getitem__ if locale == "fa" else str)) + "\n"


@cache
def persian() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the English sentences that have Persian, in their order, and those by these."""
    blocks = (FOLDER / "client_words.fa.txt").read_text(encoding="utf-8").strip().split("\n\n")
    pairs = [(english, said) for english, said in (block.split("\n") for block in blocks)]
    return tuple(english for english, _said in pairs), dict(pairs)


def _lines(say: Callable[[str], str]) -> Iterator[str]:
    def first(found: Any) -> str:
        return say(_first(found))

    yield from (str(_HEAD), f"## {_('Making one')}", "", "```python")
    yield from (_signature("GatewayClient", GatewayClient.__init__), "```", "", str(_SALT))
    yield f"## {_('Methods')}"
    for name, page, part in _PARTS:
        more = f" ([{_('more')}]({page}))" if page else ""
        yield from ("", f"### `{name}`", "", f"{first(part)}{more}", "")
        yield from (f"| {_('Method')} | |", "| --- | --- |")
        for method, function in _methods(part):
            yield f"| `{_call(method, function)}` | {first(function)} |"
    yield from ("", f"## {_('Functions')}", "", f"| {_('Function')} | |", "| --- | --- |")
    for function in _FUNCTIONS:
        yield f"| `{_call(function.__qualname__, function)}` | {first(function)} |"
    yield from ("", f"## {_('Errors')}", "", f"| {_('Class')} | {_('Is a')} | |")
    yield "| --- | --- | --- |"
    for kind in _errors():
        yield f"| `{kind.__name__}` | `{kind.__bases__[0].__name__}` | {first(kind)} |"
    yield from ("", str(_AFTER_ERRORS), f"## {_('Commands')}", "")
    yield _("`peyvand-merchant COMMAND --help` tells the options of each.")
    yield from ("", f"| {_('Command')} | |", "| --- | --- |")
    yield from _commands(main, "peyvand-merchant", say)


def _methods(part: type) -> Iterator[tuple[str, Any]]:
    for name, found in vars(part).items():
        if not name.startswith("_") and inspect.isfunction(found):
            yield name, found


def _call(name: str, function: Any) -> str:
    """Return how a function is called: its parameters without their types, on one line."""
    parts: list[str] = []
    parameters = list(inspect.signature(function).parameters.values())
    for place, each in enumerate(parameters):
        if each.name in {"self", "cls"}:
            continue
        before = parameters[place - 1] if place else None
        if each.kind is each.KEYWORD_ONLY and (before is None or before.kind is not each.kind):
            parts.append("*")
        said = "…" if callable(each.default) else repr(each.default)
        given = "" if each.default is each.empty else f"={said}"
        parts.append(f"{each.name}{given}")
    return f"{name}({', '.join(parts)})".replace("|", "\\|")


def _signature(name: str, function: Any) -> str:
    """Return a signature with its types, a line for each parameter."""
    lines = [f"{name}(", "    *,"]
    for each in inspect.signature(function).parameters.values():
        if each.name == "self":
            continue
        given = "" if each.default is each.empty else f" = {each.default!r}"
        lines.append(f"    {each.name}: {_MODULE.sub('', str(each.annotation))}{given},")
    return "\n".join([*lines, ")"])


def _first(found: Any) -> str:
    """Return the first paragraph of a docstring on one line, for a cell of a table."""
    paragraph = inspect.cleandoc(found.__doc__ or "").partition("\n\n")[0]
    return " ".join(paragraph.split()).replace("``", "`").replace("|", "\\|")


def _errors() -> Iterator[type]:
    for found in vars(errors).values():
        if isinstance(found, type) and issubclass(found, errors.GatewayError):
            yield found


def _commands(group: click.Group, before: str, say: Callable[[str], str]) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before} {name}", say)
            continue
        arguments = [each for each in command.params if isinstance(each, click.Argument)]
        names = [(each.required, each.human_readable_name.upper()) for each in arguments]
        named = "".join(f" {name}" if needed else f" [{name}]" for needed, name in names)
        words = say(" ".join((command.help or "").partition("\n\n")[0].split()))
        yield f"| `{before} {name}{named}` | {_cell(words)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
