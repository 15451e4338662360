"""The year's table: what each month came to, and what lay in the pool at its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from rich.table import Table

from tests.scenarios.oracle.money import TAKEN, Obligation


@dataclass(kw_only=True)
class Month:
    """What one month came to, points and minor units; ``wrong`` counts what differs."""

    requests: int = 0
    refused: int = 0
    taken: int = 0
    acceptors: int = 0
    margins: int = 0
    vat: int = 0
    funded: int = 0
    lapsed: int = 0
    rounding: int = 0
    wrong: int = 0

    def add(self, other: Month) -> None:
        """Add another month's figures."""
        for each in fields(Month):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(kw_only=True)
class Year:
    """The table: months in their order, what lay in the pool at each one's end, and the sum.

    ``audited`` is how many differences the audit of it all found.
    """

    months: dict[str, Month] = field(default_factory=dict)
    pools: dict[str, int] = field(default_factory=dict)
    audited: int = 0
    days: int = 0

    def add(self, name: str, day: Month, *, pool: int) -> None:
        """Add a day to the month called ``name``; ``pool`` is what the pool holds after it."""
        self.days += 1
        self.months.setdefault(name, Month()).add(day)
        self.pools[name] = pool

    @property
    def total(self) -> Month:
        """Return the sum over all months."""
        total = Month()
        for month in self.months.values():
            total.add(month)
        return total


def month_of(found: Iterable[Obligation]) -> Month:
    """Return what obligations come to by what they are for."""
    month = Month()
    for each in found:
        if each.kind in TAKEN:
            month.taken += each.points
            month.acceptors += each.amount
        elif each.kind.endswith("_margin"):
            month.margins += each.amount
        elif each.kind.endswith("_vat"):
            month.vat += each.amount
        elif each.kind == "issuance":
            month.funded += each.amount
        elif each.kind == "expiry":
            month.lapsed += each.amount
        elif each.kind == "rounding":
            month.rounding += each.amount
    return month


def line(name: str, month: Month, *, pool: int) -> str:
    """Return a month in one line, for who watches the year go by."""
    figures = ", ".join(
        f"{getattr(month, each.name):,} {each.name}"
        for each in fields(Month)
        if each.name != "wrong"
    )
    agrees = f"{month.wrong} DIFFERENCES" if month.wrong else "agrees"
    return f"{name}: {figures}, {pool:,} in the pool; {agrees}"


def table(year: Year) -> Table:
    """Return the year as a person reads it."""
    names = [each.name for each in fields(Month)]
    drawn = Table(title="The year, points and rials", title_justify="left")
    for heading in ("month", *names, "pool"):
        drawn.add_column(heading, justify="left" if heading == "month" else "right")
    rows = [(name, month, year.pools[name]) for name, month in year.months.items()]
    for name, month, pooled in rows:
        drawn.add_row(name, *(f"{getattr(month, each):,}" for each in names), f"{pooled:,}")
    drawn.add_section()
    drawn.add_row("all", *(f"{getattr(year.total, each):,}" for each in names), "")
    return drawn
