"""``peyvand obligations``: who owes whom for a business day's points."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from config.access import open_services
from config.cli.positions import DAY, settled_window
from network.clearing import queries
from network.clearing.facts import WindowView
from network.clearing.parties import NETWORK_PARTY
from network.language import format_number
from network.language import gettext as _


@click.command()
@click.option("--date", "day", type=DAY, required=True, help="The business day.")
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON, in minor units.")
def obligations(day: datetime, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Print the obligations of a settled business day, the network's margins among them."""
    with (
        open_services(os.environ, application_name="peyvand-obligations") as services,
        services.database.reading() as session,
    ):
        rows = as_records(session, window=settled_window(session, day=day.date()))
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table(title=_("Obligations of %(day)s", day=day.date()), title_justify="left")
    for heading in (_("Issuer"), _("Acceptor"), _("Kind")):
        table.add_column(heading)
    for heading in (_("Points"), _("Amount")):
        table.add_column(heading, justify="right")
    for row in rows:
        figures = (format_number(row["points"]), format_number(row["amount"]))
        table.add_row(row["issuer"], row["acceptor"], row["kind"], *figures)
    Console().print(table)


def as_records(session: Session, *, window: WindowView) -> list[dict[str, Any]]:
    """Return a window's obligations as their stable JSON; a margin's acceptor is the network."""
    return [
        {
            "issuer": each.issuer.code,
            "acceptor": (
                each.payee.code if each.fact.payee_id == NETWORK_PARTY else each.acceptor.code
            ),
            "points": each.fact.points,
            "amount": each.fact.amount,
            "currency": each.fact.currency,
            "kind": each.fact.kind,
        }
        for each in queries.obligations(session, window=window)
    ]
