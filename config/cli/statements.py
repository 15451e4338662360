"""``peyvand statements``: every merchant's statement of a business day as files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click

from config.cli.positions import DAY, settled_window
from config.environment import open_services
from network.clearing.statement_pdf import CHECK_PATH
from network.language import LOCALES, format_number
from network.language import gettext as _
from settlement.exporting import Papers, export_statements

_STEPS = 20
"""So often progress is told where nobody watches it grow."""


@click.command()
@click.option("--date", "day", type=DAY, required=True, help="The business day.")
@click.option(
    "--to",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The directory to write into; it is made where there is none.",
)
@click.option(
    "--pdf",
    "locales",
    multiple=True,
    type=click.Choice(LOCALES),
    help="Draw papers in this language too; can be given twice.",
)
@click.option(
    "--processes", type=click.IntRange(1), help="How many draw papers; all cores if left out."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def statements(
    *,
    day: datetime,
    directory: Path,
    locales: tuple[str, ...],
    processes: int | None,
    as_json: bool,
) -> None:
    """Write every merchant's statement of a settled day as JSON and CSV, as the gateway serves it.

    The files are for the operator of the network: each names its merchant's entries. Progress is
    told on standard error; killed and started again, it leaves whole files only.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_services(os.environ, application_name="peyvand-statements") as services:
        with services.database.reading() as session:
            window = settled_window(session, day=day.date())
        found = export_statements(
            services.database,
            window=window,
            entry_ids=services.entry_ids,
            directory=directory,
            papers=Papers(
                locales=tuple(dict.fromkeys(locales)),
                check_url=services.settings.gateway_url + CHECK_PATH,
                processes=processes,
            )
            if locales
            else None,
            report=_progress(),
        )
    if as_json:
        rows = [
            {
                "merchant": each.merchant,
                "currency": each.currency,
                "lines": each.lines,
                "files": [path.name for path in each.files],
            }
            for each in found
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    click.echo(
        _(
            "%(statements)s statements with %(lines)s lines written to %(directory)s.",
            statements=format_number(len(found)),
            lines=format_number(sum(each.lines for each in found)),
            directory=directory,
        )
    )


def _progress() -> Callable[[int, int], None]:
    """Return what tells how far it is: on one line at a terminal, else each twentieth."""
    terminal = sys.stderr.isatty()

    def tell(done: int, total: int) -> None:
        if not terminal and done * _STEPS // total == (done - 1) * _STEPS // total:
            return
        words = _(
            "%(done)s of %(total)s statements",
            done=format_number(done),
            total=format_number(total),
        )
        click.echo(f"\r{words}" if terminal else words, nl=not terminal or done == total, err=True)

    return tell
