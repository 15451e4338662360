"""Pairing what no name joins: by amount and time, one to one, as many as there can be.

Pure: sorted lines in, pairs out, in one pass and without keeping either side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

TOLERANCE = timedelta(minutes=10)
"""How far apart two clocks may show the same sale."""


class Timed(NamedTuple):
    """What may be paired: its number, what both sides must share, and when it happened."""

    number: int
    group: tuple[str, int]
    at: datetime


def pair_by_time(
    theirs: Iterable[Timed], ours: Iterable[Timed], *, tolerance: timedelta = TOLERANCE
) -> Iterator[tuple[int, int]]:
    """Yield pairs of numbers of the same group whose times are within ``tolerance``.

    Both sides come sorted by group and time. The earlier of two that are too far apart can meet
    nobody later on, so leaving it and going on finds as many pairs as any way of pairing would.
    """
    left, right = iter(theirs), iter(ours)
    one, other = next(left, None), next(right, None)
    while one is not None and other is not None:
        if one.group != other.group:
            if one.group < other.group:
                one = next(left, None)
            else:
                other = next(right, None)
        elif abs(one.at - other.at) <= tolerance:
            yield one.number, other.number
            one, other = next(left, None), next(right, None)
        elif one.at < other.at:
            one = next(left, None)
        else:
            other = next(right, None)
