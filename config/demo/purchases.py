"""Read the sample of purchases and put it on the days and hours of the demo."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.demo.actions import Line
from config.demo.coalition import RIALS_PER_CENT, TIME_ZONE, partner_of_department

SAMPLE = Path(__file__).parent / "sample" / "purchases.csv"
OPENS_HOUR = 7
CLOSES_HOUR = 23


@dataclass(frozen=True, slots=True)
class Part:
    """What one basket holds of one partner: one purchase at that merchant."""

    merchant: str
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        """The part's price in rials."""
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True, slots=True)
class Basket:
    """One household's visit to one store; `day` counts the sample's days from 0."""

    basket_id: int
    household_id: int
    store_id: int
    day: int
    bought_at: datetime
    parts: tuple[Part, ...]


class _Row(NamedTuple):
    """A row of the file, its columns in their order."""

    basket_id: int
    household_id: int
    store_id: int
    bought_at: str
    department: str
    category: str
    product_id: str
    quantity: int
    cents: int


def load_baskets(
    *, first_day: date, path: Path = SAMPLE, days: int | None = None
) -> tuple[Basket, ...]:
    """Return the sample's baskets, its first day put on `first_day`, times in Asia/Tehran.

    With `days` only those of the first so many days, without keeping the others.
    """
    begins = date.fromisoformat(min(row[3] for row in _columns(path))[:10])
    ends = "9999" if days is None else (begins + timedelta(days=days)).isoformat()
    rows = [_row(row) for row in _columns(path) if row[3] < ends]
    rows.sort(key=attrgetter("basket_id"))
    return tuple(
        _basket(rows=list(group), begins=begins, first_day=first_day)
        for _, group in groupby(rows, key=attrgetter("basket_id"))
    )


def days_in(path: Path) -> int:
    """Return how many days a file of purchases spans, its first and its last counted."""
    days = [row[3][:10] for row in _columns(path)]
    return (date.fromisoformat(max(days)) - date.fromisoformat(min(days))).days + 1


def _columns(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        if tuple(next(rows)) != _Row._fields:
            raise ValueError(f"{path} has other columns than {_Row._fields}")
        yield from rows


def _row(columns: list[str]) -> _Row:
    """Return a row; a year has a million of them, and few different texts."""
    basket, household, store, bought_at, department, category, product, quantity, cents = columns
    return _Row(
        int(basket),
        int(household),
        int(store),
        sys.intern(bought_at),
        sys.intern(department),
        sys.intern(category),
        sys.intern(product),
        int(quantity),
        int(cents),
    )


def within_opening_hours(moment: datetime) -> datetime:
    """Move a night-time purchase by twelve hours on the same date; leave others alone."""
    if OPENS_HOUR <= moment.hour < CLOSES_HOUR:
        return moment
    return moment.replace(hour=(moment.hour + 12) % 24)


def share_out(*, amount: int, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return the lines with `amount` spread over them in proportion to their own amounts.

    Largest remainder, ties to the earlier line; lines left without a rial drop out.
    """
    total = sum(line.amount for line in lines)
    exact = [Fraction(line.amount * amount, total) for line in lines]
    shares = [int(value) for value in exact]
    by_remainder = sorted(range(len(lines)), key=lambda index: shares[index] - exact[index])
    for index in by_remainder[: amount - sum(shares)]:
        shares[index] += 1
    return tuple(
        Line(sku=line.sku, category=line.category, quantity=line.quantity, amount=share)
        for line, share in zip(lines, shares, strict=True)
        if share
    )


def _basket(*, rows: list[_Row], begins: date, first_day: date) -> Basket:
    merchants = {name: partner.slug for name, partner in partner_of_department().items()}
    bought_at = datetime.fromisoformat(rows[0].bought_at)
    day = (bought_at.date() - begins).days
    moved = datetime.combine(first_day + timedelta(days=day), bought_at.time())
    rows.sort(key=lambda row: (row.department, int(row.product_id)))
    return Basket(
        basket_id=rows[0].basket_id,
        household_id=rows[0].household_id,
        store_id=rows[0].store_id,
        day=day,
        bought_at=within_opening_hours(moved).replace(tzinfo=ZoneInfo(TIME_ZONE)),
        parts=tuple(
            Part(
                merchant=merchants[department],
                lines=tuple(
                    Line(
                        sku=row.product_id,
                        category=row.category,
                        quantity=row.quantity,
                        amount=row.cents * RIALS_PER_CENT,
                    )
                    for row in group
                ),
            )
            for department, group in groupby(rows, key=attrgetter("department"))
        ),
    )
