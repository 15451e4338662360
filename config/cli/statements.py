"""``peyvand statements``: every merchant's statement of a business day as files."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import click

from config.access import open_services
from config.cli.positions import DAY, settled_window
from network.language import format_number
from network.language import gettext as _
from settlement.exporting import export_statements


@click.command()
@click.option("--date", "day", type=DAY, required=True, help="The business day.")
@click.option(
    "--to",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The directory to write into; it is made where there is none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def statements(day: datetime, directory: Path, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Write every merchant's statement of a settled day as JSON and CSV, as the gateway serves it.

    The files are for the operator of the network: each names its merchant's entries.
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
