"""Geometry of charts as whole numbers for SVG attributes: pages carry no inline style. Pure.

Time and amounts run in the reader's direction: a chart for a right-to-left reader is mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

BAR_WIDTH = 240
BAR_HEIGHT = 14
_AXIS = BAR_WIDTH // 2
_LEAST = 2

COLUMNS_WIDTH = 960
COLUMNS_HEIGHT = 150
_WIDEST = 72
_SHADES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One rectangle; ``tone`` is a class of the style sheet."""

    x: int
    y: int
    width: int
    height: int
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayColumns:
    """The columns of one day, and the whole width that belongs to it."""

    day: date
    x: int
    width: int
    bars: tuple[Bar, ...]


def net_bar(net: int, *, largest: int, mirrored: bool) -> Bar | None:
    """Return the bar of a net position to one side of the axis, ``None`` for nothing at all."""
    if net == 0 or largest <= 0:
        return None
    width = max(_LEAST, abs(net) * _AXIS // largest)
    forward = (net > 0) != mirrored
    return Bar(
        x=_AXIS if forward else _AXIS - width,
        y=0,
        width=width,
        height=BAR_HEIGHT,
        tone="receives" if net > 0 else "pays",
    )


def share_bar(value: Decimal | int, *, largest: Decimal | int, mirrored: bool) -> Bar | None:
    """Return the bar of a share of the largest, from the side where reading begins."""
    if value <= 0 or largest <= 0:
        return None
    width = max(_LEAST, int(value * BAR_WIDTH / largest))
    return Bar(
        x=BAR_WIDTH - width if mirrored else 0, y=0, width=width, height=BAR_HEIGHT, tone="issued"
    )


def day_columns(
    days: Sequence[tuple[date, Sequence[tuple[str, int]]]], *, mirrored: bool
) -> list[DayColumns]:
    """Return columns for each day's values (tone, value), all on one scale."""
    if not days:
        return []
    largest = max((value for _, values in days for _, value in values), default=0) or 1
    slot = COLUMNS_WIDTH // len(days)
    found = []
    for place, (day, values) in enumerate(days):
        start = COLUMNS_WIDTH - (place + 1) * slot if mirrored else place * slot
        ordered = list(reversed(values)) if mirrored else list(values)
        width = min(_WIDEST, max(1, slot * 7 // 10 // max(1, len(ordered))))
        inset = (slot - width * len(ordered)) // 2
        bars = []
        for number, (tone, value) in enumerate(ordered):
            height = max(_LEAST, value * COLUMNS_HEIGHT // largest) if value else 0
            bars.append(
                Bar(
                    x=start + inset + number * width,
                    y=COLUMNS_HEIGHT - height,
                    width=max(1, width - 1),
                    height=height,
                    tone=tone,
                )
            )
        found.append(DayColumns(day=day, x=start, width=slot, bars=tuple(bars)))
    return found


def shade(value: int, *, largest: int) -> int:
    """Return how strongly a cell of a matrix is shaded: 0 for nothing, 1 to 5."""
    if value <= 0 or largest <= 0:
        return 0
    return min(_SHADES, 1 + value * _SHADES // (largest + 1))
