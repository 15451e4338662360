"""``peyvand exposure``: what each issuer stands to owe, beside its limit."""

from __future__ import annotations

import json
import os
from typing import Any

import click
from rich.table import Table

from config.cli.positions import wide_console
from config.environment import open_services
from network.clock import wall_now
from network.exposure import measuring, queries
from network.exposure.queries import ExposureView
from network.language import current_locale, format_number
from network.language import gettext as _
from network.settings import CURRENCY


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON, in minor units.")
def exposure(as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Measure what every issuer stands to owe, and print it beside its limit."""
    with open_services(os.environ, application_name="peyvand-exposure") as services:
        with services.database.unit_of_work() as session:
            measuring.measure(session, now=wall_now())
        with services.database.reading() as session:
            found = queries.exposures(session)
    if as_json:
        records = [as_record(each) for each in found]
        click.echo(json.dumps(records, ensure_ascii=False, indent=1))
        return
    table = Table(title=_("Exposure of issuers, rials"), title_justify="left")
    for heading in (_("Merchant"), _("Name")):
        table.add_column(heading)
    for heading in (_("Outstanding"), _("Unsettled"), _("Exposure"), _("Limit"), _("Used")):
        table.add_column(heading, justify="right")
    for each in found:
        of = each.found
        table.add_row(
            each.code,
            each.name_fa if current_locale() == "fa" else each.name_en,
            *map(format_number, (of.outstanding, of.unsettled, of.amount)),
            "—" if of.limit is None else format_number(of.limit),
            "—" if of.percent is None else f"{format_number(of.percent)} %",
        )
    wide_console().print(table)


def as_record(view: ExposureView) -> dict[str, Any]:
    """Return an issuer's exposure as its stable JSON."""
    found = view.found
    return {
        "merchant": view.code,
        "outstanding_points": found.points,
        "outstanding": found.outstanding,
        "unsettled": found.unsettled,
        "exposure": found.amount,
        "cap": found.cap,
        "deposit": found.deposit,
        "reserve": found.reserve,
        "limit": found.limit,
        "standing": found.standing,
        "issuing": view.issuing,
        "currency": CURRENCY,
    }
