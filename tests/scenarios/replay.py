"""A year of The Complete Journey through a gateway, settled each night and reckoned a second time.

    python -m tests.scenarios.replay FILE [--days N]

FILE has the purchases (``config/demo/make_sample.py --year FILE``). An installation of its own is
made for it and thrown away. The second reckoning is the oracle's, which shares no line with the
product: every obligation and every position of each day must be the same, and so must the pool.
Prints the year's table, a line per month; exits with 1 where anything differs.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from click import Abort
from rich.console import Console
from rich.table import Table

from config.access import open_services
from config.cli import obligations as obligations_command
from config.cli import positions as positions_command
from config.cli.demo import installation_of
from config.demo import show
from config.demo.clearing_away import clear
from config.demo.story import Say, Story, begin_simulated, first_day_of, play
from config.home import Home
from config.logging import configure
from config.supervisor import StopSignals, stop_signals
from config.up import FRONTS, Options, running
from network.clock import wall_now
from network.services import Services
from tests.scenarios.comparison import differences, expected_rows
from tests.scenarios.oracle.coalition import Coalition
from tests.scenarios.oracle.money import TAKEN, Obligation, pool
from tests.scenarios.oracle.oracle import Oracle, read_records

YEAR = 365
CLOCK_STEP = timedelta(minutes=10)
"""Moving the clock takes a commit of its own, which a purchase a few seconds on does not need."""


@dataclass(kw_only=True)
class Month:
    """What one month came to, points and minor units; ``wrong`` counts days that differ."""

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
    """The table: months in their order, what lay in the pool at each one's end, and the sum."""

    months: dict[str, Month] = field(default_factory=dict)
    pools: dict[str, int] = field(default_factory=dict)

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


def compare(services: Services, story: Story, oracle: Oracle) -> Year:
    """Hold every day that was settled against the oracle, and sum the days up by month."""
    found = oracle.obligations()
    by_day: dict[date, list[Obligation]] = {}
    for each in found:
        by_day.setdefault(each.business_date, []).append(each)
    expected, nets = expected_rows(found), oracle.positions()
    year = Year()
    for day in story.days:
        business_date = day.business_date
        month = month_of(by_day.get(business_date, []))
        month.requests, month.refused = day.taken.requests, day.taken.refused
        with services.database.reading() as session:
            window = positions_command.settled_window(session, day=business_date)
            month.wrong = differences(
                obligations=obligations_command.as_records(session, window=window),
                positions=positions_command.as_records(session, window=window),
                expected=expected.get(business_date, Counter()),
                nets=nets.get(business_date, {}),
            )
        name = f"{business_date:%Y-%m}"
        year.months.setdefault(name, Month()).add(month)
        year.pools[name] = pool(found, until=business_date)
    return year


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


def replay(*, purchases: Path, days: int) -> Year:
    """Play ``days`` days of ``purchases`` on a fresh installation; return its table."""
    console = Console(stderr=True)
    with TemporaryDirectory(prefix="peyvand-replay-") as directory:
        home = Home.from_environment({"PEYVAND_HOME": directory})
        environment = installation_of(home.path)
        clear(home)
        configure("replay")
        first_day = first_day_of(wall=wall_now(), days=days)
        with (
            stop_signals() as signals,
            running(
                Options(
                    ports=dict.fromkeys(FRONTS, 0),
                    background_log=home.background_log,
                ),
                environment,
                signals=signals,
                before_fronts=partial(begin_simulated, first_day=first_day, days=days),
            ) as (_supervisor, addresses),
            open_services(environment, application_name="peyvand-replay") as services,
        ):
            with progress(console, signals=signals) as say:
                story = play(
                    services,
                    gateway_url=addresses["gateway"],
                    home=home.path,
                    first_day=first_day,
                    days=days,
                    say=say,
                    purchases=purchases,
                    clock_step=CLOCK_STEP,
                )
            console.print("Reckoning a second time …")
            plain = json.loads((home.path / "coalition.json").read_text("utf-8"))
            oracle = Oracle(Coalition(plain), keep_balances=False)
            with (home.path / "requests.jsonl").open(encoding="utf-8") as stream:
                oracle.run(read_records(stream))
            oracle.advance_to(story.days[-1].business_date + timedelta(days=1))
            return compare(services, story, oracle)


@contextmanager
def progress(console: Console, *, signals: StopSignals) -> Iterator[Say]:
    """Show a bar to a person, and a line per day to a file."""
    with show.progress(quiet=not console.is_terminal, signals=signals) as draw:
        began = time.monotonic()
        lines: dict[str, int] = {}

        def say(what: str, done: int, total: int) -> None:
            draw(what, done, total)
            if signals.asked:
                raise Abort
            if console.is_terminal or not what.endswith("night"):
                lines[what] = done
                return
            day = what.removesuffix(" night")
            console.print(
                f"{day}: {lines.get(day, 0):,} requests, {time.monotonic() - began:,.0f} s"
            )

        yield say


def main() -> int:
    """Play the year and print its table; return 1 where a day differs from the oracle."""
    parser = ArgumentParser(description="Replay a year of purchases and reckon it twice.")
    parser.add_argument("purchases", type=Path)
    parser.add_argument("--days", type=int, default=YEAR)
    asked = parser.parse_args()
    began = time.monotonic()
    year = replay(purchases=asked.purchases, days=asked.days)
    console = Console()
    wide = console if console.is_terminal else Console(width=200)
    wide.print(table(year))
    total = year.total
    wide.print(
        f"{total.requests:,} requests in {time.monotonic() - began:,.0f} s; "
        + (f"{total.wrong} differences." if total.wrong else "everything agrees with the oracle.")
    )
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
