"""The rows of a statement's paper: lines, what they come to by kind, and how cells are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from network.clearing.facts import PartyView, StatementLine, StatementView
from network.clearing.parties import NETWORK_NAME
from network.language import current_locale, format_date, format_time, persian_digits
from network.language import gettext as _

_SIDES = ("receivable", "payable", "fee", "vat", "deposit")
ENTRY_SHOWN = 14
"""So many characters of an entry's id stand on paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the paper, millimetres from where reading begins."""

    head: str
    at: float
    width: float
    number: bool = False


@dataclass(slots=True)
class Group:
    """What lines of one direction, kind and counterparty come to."""

    lines: int = 0
    points: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A line as it is printed."""

    recorded_at: datetime
    kind: str
    counterparty: str
    entry: str
    merchant_ref: str | None
    points: int
    price: Decimal
    amount: int


def as_printed(line: StatementLine, record: dict[str, object]) -> Printed:
    """Return a line as the paper says it."""
    return Printed(
        recorded_at=line.recorded_at,
        kind=line.kind,
        counterparty=str(record["counterparty"]),
        entry=str(record["entry"])[:ENTRY_SHOWN],
        merchant_ref=line.merchant_ref,
        points=line.points,
        price=line.price,
        amount=int(str(record["amount"])),
    )


def by_side(item: tuple[tuple[str, str, str], Group]) -> tuple[int, tuple[str, str, str]]:
    """Put what is received first, and sides that are not known here last."""
    side = item[0][0]
    return (_SIDES.index(side) if side in _SIDES else len(_SIDES), item[0])


def counterparty(code: str, statement: StatementView, names: Mapping[str, PartyView]) -> str:
    """Return a counterparty in words: the network, the merchant itself, another by its name."""
    if code == NETWORK_NAME:
        return _("The network")
    if code == statement.merchant.code:
        return _("Own points")
    known = names.get(code)
    if known is None:
        return code
    return known.name_fa if current_locale() == "fa" else known.name_en


def moment(of: datetime) -> str:
    """Return date and time in figures alone, in the order in which they are drawn."""
    parts = (format_date(of), format_time(of))
    return "  ".join(reversed(parts) if current_locale() == "fa" else parts)


def digits(number: int) -> str:
    """Return a number in the reader's digits, without separators."""
    return persian_digits(number) if current_locale() == "fa" else str(number)
