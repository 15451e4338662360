"""The stretch of days that a report is about, and columns of a chart with their labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import abort

from config.web import listing
from network.language import current_locale
from settlement.console.charts import DayColumns, day_columns

CHOICES = (7, 30, 90, 365)
USUAL = 30
Values = tuple[date, Sequence[tuple[str, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Business days [since, until), the open one the last; ``choices`` are lengths to choose."""

    since: date
    until: date
    days: int
    choices: tuple[int, ...]


def read_period(today: date, *, longest: int = CHOICES[-1]) -> Period:
    """Return the days up to the open one that ``?days=`` asks for, a month where it is silent."""
    choices = tuple(days for days in CHOICES if days <= longest)
    asked = listing.argument("days")
    days = USUAL if asked is None else _choice(asked, choices)
    return Period(
        since=today - timedelta(days=days - 1),
        until=today + timedelta(days=1),
        days=days,
        choices=choices,
    )


def mirrored() -> bool:
    """Return whether the reader reads from the right."""
    return current_locale() == "fa"


def columns_of(values: Iterable[Values]) -> list[DayColumns]:
    """Return columns for a chart, in the reader's direction."""
    return day_columns(list(values), mirrored=mirrored())


def _choice(text: str, choices: Sequence[int]) -> int:
    found = next((days for days in choices if str(days) == text), None)
    if found is None:
        abort(404)
    return found
