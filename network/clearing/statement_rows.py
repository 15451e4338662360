"""The rows of a statement's paper: lines, what they come to by kind, and how cells are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from network.clearing.facts import PartyView, StatementLine, StatementView
from network.clearing.parties import NETWORK_NAME
from network.clearing.statement_words import kind_label
from network.clearing.tax_facts import StatedTax
from network.language import (
    current_locale,
    format_date,
    format_decimal,
    format_number,
    format_percent,
    format_time,
    persian_digits,
)
from network.language import gettext as _

_SIDES = ("receivable", "payable", "fee", "vat", "deposit")
PLACES = 10
"""Prices have at most so many digits behind the decimal mark."""

ENTRY_SHOWN = 14
"""So many characters of an entry's id stand on paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the paper, millimetres from where reading begins.

    Figures of a ``number`` stand with units below units; ``places`` is how many digits one of them
    has behind the decimal mark.
    """

    head: str
    at: float
    width: float
    number: bool = False
    places: int = 0

    def rest(self, cell: str) -> str:
        """Return what a figure lacks behind its decimal mark, of those in its column."""
        return rest(cell, self.places)


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


def most_places(values: Iterable[Decimal | Fraction]) -> int:
    """Return how many digits behind the decimal mark the longest of some figures has as written."""
    written = (format_decimal(each, places=PLACES, locale="en") for each in values)
    return max((len(each.partition(".")[2]) for each in written), default=0)


def tax_columns(taxes: Sequence[StatedTax]) -> tuple[Column, ...]:
    """Return the columns of the table of VAT."""
    fees, bases = most_places(tax.fee for tax in taxes), most_places(tax.base for tax in taxes)
    return (
        Column(head=_("Kind"), at=2, width=50),
        Column(head=_("Paid from"), at=53, width=20),
        Column(head=_("Points"), at=74, width=20, number=True),
        Column(head=_("Taxed per point"), at=95, width=26, number=True, places=fees),
        Column(head=_("Tax base"), at=122, width=26, number=True, places=bases),
        Column(head=_("Rate"), at=149, width=11, number=True),
        Column(head=_("Amount"), at=161, width=19, number=True),
    )


def tax_cells(tax: StatedTax) -> tuple[str, ...]:
    """Return a row of the table of VAT; the amount is signed as on its lines."""
    return (
        kind_label(tax.kind),
        _("the deposit") if tax.direction == "deposit" else _("the balance"),
        format_number(tax.points),
        format_decimal(tax.fee, places=PLACES),
        format_decimal(tax.base, places=PLACES),
        format_percent(tax.rate, places=PLACES - 2),
        format_number(-tax.amount),
    )


def rest(cell: str, places: int) -> str:
    """Return what a written figure lacks of ``places`` digits behind its decimal mark."""
    if not places:
        return ""
    mark = "٫" if current_locale() == "fa" else "."
    _, found, fraction = cell.partition(mark)
    return ("" if found else mark) + digits(0) * (places - len(fraction))
