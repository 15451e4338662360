"""What the demo says while it plays and when it has ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import click
import pyotp
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from config.cli.positions import as_records, settled_window
from config.demo import coalition
from config.demo.people import PORTAL_SIGN_INS
from config.demo.story import SIGN_INS, Say, Story
from config.home import HomeEmptyError
from config.supervisor import StopSignals
from network.language import format_number
from network.language import gettext as _
from network.ledger import figures
from network.ledger.audit import Check
from network.services import Services

SOURCE = (
    "Purchases: The Complete Journey by 84.51°, CC0 in its R package; the Python package "
    "calls them simulated from real patterns."
)


@contextmanager
def progress(*, quiet: bool, signals: StopSignals) -> Iterator[Say]:
    """Show which day is being played and how far it is; end with Abort once asked to stop."""
    columns = (
        TextColumn("{task.description:>16}"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bars:
        task = bars.add_task("", total=1)

        def say(what: str, done: int, total: int) -> None:
            if signals.asked:
                raise click.Abort
            bars.update(task, description=what, completed=done, total=total)

        yield say


def no_year(*, days: int) -> None:
    """Say that the whole year was asked for and is not here, and what is played instead."""
    click.echo(
        _(
            "The whole year of purchases does not come along: `make build/year.csv` cuts it. "
            "Playing the %(days)s days that do.",
            days=format_number(days),
        ),
        err=True,
    )


def outcome(
    services: Services,
    story: Story,
    *,
    checks: Sequence[Check],
    measured: Mapping[str, float],
    log: Path,
) -> None:
    """Print the days, the last one's net positions, the audit, what was measured, and the log."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    console.print(_days(services, story))
    console.print(_positions(services, story))
    console.print(_audit(checks))
    figures_ms = latencies(story)
    lines = (
        SOURCE,
        _(
            "One cent of the data is %(rials)s rials.",
            rials=format_number(coalition.RIALS_PER_CENT),
        ),
        _(
            "Set up in %(setup).1f s, played in %(play).1f s. One till, one request at a time: "
            "half of the answers within %(p50).1f ms, 99 %% within %(p99).1f ms.",
            setup=measured["setup_seconds"],
            play=measured["play_seconds"],
            p50=figures_ms["p50_ms"],
            p99=figures_ms["p99_ms"],
        ),
        _("The workers' log: %(file)s", file=log),
    )
    for line in lines:
        console.print(line)


def latencies(story: Story) -> dict[str, float]:
    """Return the median and the 99th percentile of the tills' waiting, in milliseconds."""
    times = [each for day in story.days for each in day.taken.latencies_ms]
    hundredths = quantiles(times, n=100)
    return {"p50_ms": round(hundredths[49], 2), "p99_ms": round(hundredths[98], 2)}


def final_positions(services: Services, story: Story) -> list[dict[str, Any]]:
    """Return the net positions of the last day played."""
    with services.database.reading() as session:
        window = settled_window(session, day=story.days[-1].business_date)
        return as_records(session, window=window)


def addresses(urls: Mapping[str, str], story: Story, *, home: Path) -> None:
    """Print a command for a till and where the apps answer; the sign-ins stand last."""
    console = Console(soft_wrap=True)
    slug, seat = min(story.seats.items())
    key = home / "keys" / f"{slug}.pem"
    console.rule(_("The apps go on running; Ctrl-C stops them"))
    console.print(_("Gateway: %(url)s/docs", url=urls["gateway"]))
    console.print(_("A till:"))
    console.print(
        f"  .venv/bin/peyvand-merchant --url {urls['gateway']} --key-id {seat.key_id} "
        f"--key-file {key} earn --phone {story.member_phone} --amount 2500000 "
        f"--ref till-1-0001",
        highlight=False,
    )
    console.print(
        _("Wallet:  %(url)s  sign in with %(phone)s; the code appears at %(url)s/outbox",
          url=urls["wallet"], phone=story.member_phone)
    )  # fmt: skip
    console.print(_("Portal:  %(url)s  for the people of a shop", url=urls["portal"]))
    console.print(_("Console: %(url)s", url=urls["console"]))
    sign_ins(home)


def sign_ins(home: Path) -> None:
    """Print the passwords for portal and console, and a one-time code of this moment for each."""
    if not (home / SIGN_INS).exists():
        raise HomeEmptyError(_("No demo was played in %(home)s.", home=home))
    console = Console(soft_wrap=True)
    for name in (PORTAL_SIGN_INS, SIGN_INS):
        path = home / name
        for each in json.loads(path.read_text(encoding="utf-8")) if path.exists() else ():
            words = f"  {each['email']}  {each['password']}"
            if each["secret"] is not None:
                now = pyotp.TOTP(each["secret"]).now()
                words += "  " + _("one-time code now: %(code)s", code=now)
            console.print(words, highlight=False)
    console.print(_("A fresh code: .venv/bin/peyvand demo --sign-ins"))


def _days(services: Services, story: Story) -> Table:
    table = Table(title=_("The days that were played"), title_justify="left", box=SIMPLE_HEAD)
    for heading in (
        _("Day"),
        _("Requests"),
        _("Refused"),
        _("Issued"),
        _("Redeemed"),
        _("Given back"),
        _("Clawed back"),
        _("Expired"),
        _("Obligations"),
        _("Night, s"),
    ):
        table.add_column(heading, justify="right")
    end = story.first_day + timedelta(days=len(story.days))
    with services.database.reading() as session:
        moved = figures.day_figures(session, first=story.first_day, end=end)
    by_day = {each.business_date: each for each in moved}
    for day in story.days:
        points = by_day.get(day.business_date)
        counts = (
            (points.issued, points.redeemed, points.given_back, points.clawed_back, points.expired)
            if points
            else (0,) * 5
        )
        table.add_row(
            day.business_date.isoformat(),
            *map(format_number, (day.taken.requests, day.taken.refused, *counts)),
            format_number(day.obligations),
            f"{day.night_seconds:.2f}",
        )
    return table


def _positions(services: Services, story: Story) -> Table:
    day = story.days[-1].business_date
    table = Table(title=_("Net positions of %(day)s, rials", day=day), title_justify="left")
    table.add_column(_("Merchant"))
    for heading in (_("Payable"), _("Receivable"), _("Fees"), _("Net")):
        table.add_column(heading, justify="right")
    for row in final_positions(services, story):
        amounts = (row[name] for name in ("payable", "receivable", "fees", "net"))
        table.add_row(row["merchant"], *map(format_number, amounts))
    return table


def _audit(checks: Sequence[Check]) -> Table:
    table = Table(title=_("Audit of the ledger"), title_justify="left")
    table.add_column(_("Check"))
    table.add_column(_("Rows"), justify="right")
    table.add_column(_("Differences"), justify="right")
    for check in checks:
        table.add_row(check.name, format_number(check.rows), format_number(check.differences))
    return table
