"""``peyvand settle``: run the night of a business day."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from config.environment import open_services
from network.clock import wall_now
from network.errors import PeyvandError
from network.language import format_number
from network.language import gettext as _
from network.operators.audit import SYSTEM, record_act
from network.services import Services
from settlement import controls, words
from settlement.night import Report
from settlement.nightly import EarlierDayError, Result, run_night

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--date", "day", type=DAY, help="The business day; the last one that ended.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def settle(day: datetime | None, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Close, seal, mature and settle a business day, and those before it that wait."""
    business_date = None if day is None else day.date()
    with open_services(os.environ, application_name="peyvand-settle") as services:
        screen = Console(stderr=True, quiet=as_json)
        _record(services, "night.asked", business_date)
        try:
            with _Bars(screen) as bars:
                result = run_night(
                    services,
                    business_date=business_date,
                    progress=bars.show,
                    started_by="command",
                )
        except PeyvandError as error:
            _record(services, "night.refused", business_date, {"error": error.code})
            _tell_totals(error, screen)
            raise click.ClickException(words.failure(error)) from error
        facts = {"run": str(result.run_id), "replayed": result.replayed}
        _record(services, "night.settled", result.business_date, facts)
    if as_json:
        click.echo(json.dumps(as_record(result), ensure_ascii=False, indent=1))
    else:
        _tell(result)


def _record(
    services: Services,
    action: str,
    business_date: date | None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write into the operators' log that a night was asked for by hand, and what became of it.

    Before it begins, too: a command that is killed has been given all the same. Without a day it is
    the last one that ended.
    """
    day = {} if business_date is None else {"business_date": business_date.isoformat()}
    with services.database.unit_of_work() as session:
        record_act(
            session,
            now=wall_now(),
            actor=SYSTEM,
            action=action,
            subject="night",
            facts={**day, **(facts or {})},
        )


def as_record(result: Result) -> dict[str, Any]:
    """Return the outcome of a night as its stable JSON."""
    return {
        "business_date": result.business_date.isoformat(),
        "state": "settled",
        "replayed": result.replayed,
        "run": str(result.run_id),
        "run_key": result.run_key,
        "window": str(result.window_id),
        "obligations": result.obligations,
        "positions": result.positions,
        "statements": result.statements,
        "control_totals": result.control_totals,
        "earlier": [each.isoformat() for each in result.earlier],
    }


@dataclass(slots=True)
class _Bars:
    """A line per step, with a bar where something is counted."""

    screen: Console
    tasks: dict[tuple[object, str], Any] = field(default_factory=dict)
    bars: Progress | None = None

    def __enter__(self) -> Self:
        columns = (
            TextColumn("{task.fields[day]}"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
        )
        self.bars = Progress(*columns, console=self.screen, disable=self.screen.quiet)
        self.bars.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self.bars is not None:
            self.bars.stop()

    def show(self, report: Report) -> None:
        """Show how far the night is; a step that follows ends the one before."""
        if self.bars is None or report.step == "done":
            return
        key = (report.business_date, report.step)
        if key not in self.tasks:
            self.tasks[key] = self.bars.add_task(
                words.step_label(report.step), day=report.business_date.isoformat(), total=None
            )
        total = report.total or 1
        done = report.done if report.total else 1
        self.bars.update(self.tasks[key], completed=done, total=total)


def _tell(result: Result) -> None:
    screen = Console()
    screen.print(_table(result.control_totals))
    if result.replayed:
        said = _("%(day)s was settled before; it comes to the same.", day=result.business_date)
    else:
        said = _("%(day)s is settled.", day=result.business_date)
    screen.print(said)
    screen.print(
        _(
            "Obligations: %(obligations)s · positions: %(positions)s · statements: %(statements)s",
            obligations=format_number(result.obligations),
            positions=format_number(result.positions),
            statements=format_number(result.statements),
        )
    )


def _tell_totals(error: PeyvandError, screen: Console) -> None:
    cause = error.__cause__ if isinstance(error, EarlierDayError) else error
    if isinstance(cause, controls.ControlTotalsError):
        screen.print(_table(controls.as_json(cause.checks)))


def _table(control_totals: dict[str, Any]) -> Table:
    table = Table(title=_("Control totals"), title_justify="left")
    table.add_column("")
    for heading in (_("Rows"), _("Expected"), _("Found"), _("Differences")):
        table.add_column(heading, justify="right")
    table.add_column("")
    for check in control_totals.get("checks", []):
        figures = [check[name] for name in ("rows", "expected", "found", "differences")]
        table.add_row(
            words.check_label(check["name"]),
            *map(format_number, figures),
            _("agrees") if check["agrees"] else _("DIFFERS"),
        )
    return table
