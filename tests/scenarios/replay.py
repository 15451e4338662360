"""A year of The Complete Journey through a gateway, settled each night and reckoned a second time.

    python -m tests.scenarios.replay FILE [--days N] [--lanes N] [--one-by-one]

FILE has the purchases (``config/demo/make_sample.py --year FILE``). An installation of its own is
made for it and thrown away. The second reckoning is the oracle's, which shares no line with the
product: every obligation and every position of each day must be the same, and so must the pool.
Each day is compared when its night ends, and each month told with it; at the end the whole year is
audited. Prints the year's table, a line per month. Exits with 1 where anything differs, and where
it was stopped before its last day (Ctrl-C: the days until then have their table).
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from click import Abort
from rich.console import Console

from config.cli import obligations as obligations_command
from config.cli import positions as positions_command
from config.cli.audit import every_check, seal_verifier
from config.cli.demo import installation_of
from config.demo import show
from config.demo.clearing_away import clear
from config.demo.plans import YEAR_PACE
from config.demo.story import (
    COALITION,
    RECORD,
    Day,
    Pace,
    Say,
    begin_simulated,
    first_day_of,
    play,
)
from config.environment import open_services
from config.home import Home
from config.logging import configure
from config.supervisor import StopSignals, stop_signals
from config.up import FRONTS, Options, running
from network.clock import wall_now
from network.services import Services
from tests.scenarios.comparison import differences, expected_rows
from tests.scenarios.oracle.coalition import Coalition
from tests.scenarios.oracle.money import positions
from tests.scenarios.oracle.oracle import Oracle
from tests.scenarios.year import Year, line, month_of, table

YEAR = 365


class SecondReckoning:
    """The oracle, a night behind the product: reads what was asked, and compares what is owed."""

    def __init__(self, services: Services, *, home: Path, console: Console) -> None:
        self.year = Year()
        self._services = services
        self._home = home
        self._console = console
        self._read = 0
        self._month = ""

    @cached_property
    def _oracle(self) -> Oracle:
        plain = json.loads((self._home / COALITION).read_text("utf-8"))
        return Oracle(Coalition(plain), keep_balances=False)

    def settled(self, day: Day) -> None:
        """Reckon a settled day again and compare its obligations, its positions and its sum."""
        business_date = day.business_date
        self._oracle.advance_to(business_date)
        self._oracle.run(self._records(until=business_date))
        found = self._oracle.settle()
        month = month_of(found)
        month.requests, month.refused = day.taken.requests, day.taken.refused
        with self._services.database.reading() as session:
            window = positions_command.settled_window(session, day=business_date)
            wrong = differences(
                obligations=obligations_command.as_records(session, window=window),
                positions=positions_command.as_records(session, window=window),
                expected=expected_rows(found).get(business_date, Counter()),
                nets=positions(found).get(business_date, {}),
            )
        month.wrong = len(wrong)
        for each in wrong:
            self._console.print(f"{business_date} DIFFERS: {each}", style="red", soft_wrap=True)
        name = f"{business_date:%Y-%m}"
        if self._month not in {"", name}:
            self.tell_month()
        self._month = name
        self.year.add(name, month, pool=self._oracle.books.pool)

    def tell_month(self) -> None:
        """Print the month that was added to last."""
        months, pools = self.year.months, self.year.pools
        told = line(self._month, months[self._month], pool=pools[self._month])
        self._console.print(told, soft_wrap=True)

    def _records(self, *, until: date) -> Iterator[dict[str, Any]]:
        """Yield what was asked since this was read before; what came after ``until`` can wait."""
        last = until.isoformat()
        with (self._home / RECORD).open("rb") as stream:
            stream.seek(self._read)
            for text in stream:
                if not text.endswith(b"\n"):
                    return
                record = json.loads(text)
                if record["business_date"] > last:
                    return
                self._read += len(text)
                yield record


def replay(*, purchases: Path, days: int, pace: Pace) -> Year:
    """Play ``days`` days of ``purchases`` on a fresh installation; return its table.

    Asked to stop, it ends with the nights that are settled by then.
    """
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
            second = SecondReckoning(services, home=home.path, console=console)
            with suppress(Abort), progress(console, signals=signals) as say:
                play(
                    services,
                    gateway_url=addresses["gateway"],
                    home=home.path,
                    first_day=first_day,
                    days=days,
                    say=say,
                    purchases=purchases,
                    pace=pace,
                    settled=second.settled,
                )
            if second.year.days:
                second.tell_month()
            second.year.audited = audited(services, console)
            return second.year


def audited(services: Services, console: Console) -> int:
    """Audit the year by every check of the product; return how many differences there are."""
    began = time.monotonic()
    wrong = rows = 0
    with services.database.snapshot() as session:
        for check in every_check(session, verify=seal_verifier(session)):
            rows += check.rows
            wrong += check.differences
            if check.differences:
                console.print(f"the audit's {check.name}: {check.differences} DIFFERENCES")
    console.print(f"audit: {rows:,} rows, {wrong} differences, {time.monotonic() - began:,.0f} s")
    return wrong


@contextmanager
def progress(console: Console, *, signals: StopSignals) -> Iterator[Say]:
    """Show a bar to a person, and a line per day to a file."""
    with show.progress(quiet=not console.is_terminal, signals=signals) as draw:
        began = time.monotonic()
        requests: dict[str, int] = {}

        def say(what: str, done: int, total: int) -> None:
            draw(what, done, total)
            if signals.asked:
                raise Abort
            if console.is_terminal:
                return
            day, _, night = what.partition(" ")
            if not night:
                requests[day] = done
                return
            seconds = time.monotonic() - began
            console.print(f"{day}: {requests.pop(day, 0):,} requests, {seconds:,.0f} s")

        yield say


def main() -> int:
    """Play the year and print its table; return 1 where a day differs from the oracle."""
    parser = ArgumentParser(description="Replay a year of purchases and reckon it twice.")
    parser.add_argument("purchases", type=Path)
    parser.add_argument("--days", type=int, default=YEAR)
    parser.add_argument("--lanes", type=int, default=YEAR_PACE.lanes, help="tills at work at once")
    parser.add_argument("--one-by-one", action="store_true", help="no batches in the evening")
    asked = parser.parse_args()
    began = time.monotonic()
    pace = replace(YEAR_PACE, lanes=asked.lanes, batches=not asked.one_by_one)
    year = replay(purchases=asked.purchases, days=asked.days, pace=pace)
    console = Console()
    wide = console if console.is_terminal else Console(width=200)
    wide.print(table(year))
    total, wrong = year.total, year.total.wrong + year.audited
    wide.print(
        f"{year.days} days, {total.requests:,} requests in {time.monotonic() - began:,.0f} s; "
        + (f"{wrong} differences." if wrong else "everything agrees with the oracle.")
    )
    return 1 if wrong or year.days < asked.days else 0


if __name__ == "__main__":
    sys.exit(main())
