"""``peyvand positions``: what every party owes and is owed for a business day."""

from __future__ import annotations

import json
import os
from datetime import date, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from config.environment import open_services
from network.clearing import queries
from network.clearing.facts import PartyView, PositionView, WindowView
from network.clearing.parties import account_code
from network.clearing.statement_reads import PUBLISHED
from network.language import current_locale, format_number
from network.language import gettext as _

_WIDTH_WITHOUT_TERMINAL = 160

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--date", "day", type=DAY, required=True, help="The business day.")
@click.option("--json", "as_json", is_flag=True, help="Print a list as JSON, in minor units.")
def positions(day: datetime, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Print the net positions of a settled business day; with the network's they sum to zero."""
    with (
        open_services(os.environ, application_name="peyvand-positions") as services,
        services.database.reading() as session,
    ):
        window = settled_window(session, day=day.date())
        rows = as_records(session, window=window)
        names = {
            code_of(each): _name(each.party) for each in queries.positions(session, window=window)
        }
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table(title=_("Net positions of %(day)s", day=day.date()), title_justify="left")
    for heading in (_("Merchant"), _("Name")):
        table.add_column(heading)
    for heading in (_("Payable"), _("Receivable"), _("Fees"), _("Net")):
        table.add_column(heading, justify="right")
    for row in rows:
        figures = [row[name] for name in ("payable", "receivable", "fees", "net")]
        code = row["merchant"]
        table.add_row(code, names[code], *map(format_number, figures))
    wide_console().print(table)


def wide_console() -> Console:
    """Return a console for tables: as wide as the terminal, and wide enough where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)


def settled_window(session: Session, *, day: date) -> WindowView:
    """Return the window that a day was settled in; refuse where it is not settled."""
    window = queries.window_of(session, business_date=day)
    if window is None or window.state not in PUBLISHED:
        raise click.ClickException(
            _("%(day)s is not settled: run 'peyvand settle --date %(day)s'.", day=day)
        )
    return window


def as_records(session: Session, *, window: WindowView) -> list[dict[str, Any]]:
    """Return a window's net positions as their stable JSON.

    ``merchant`` is a merchant's code, or the network's, and behind a colon the account where it is
    another than the one that is paid: its deposit, the network's pool. ``fees`` are with ``vat``.
    """
    return [
        {
            "merchant": code_of(each),
            "payable": each.payable,
            "receivable": each.receivable,
            "fees": each.fees,
            "net": each.net,
            "currency": each.currency,
            "vat": each.vat,
            "party": each.party.code,
            "account": each.account,
        }
        for each in queries.positions(session, window=window)
    ]


def code_of(position: PositionView) -> str:
    """Return how a position's account is called."""
    return account_code(position.party.code, position.account)


def _name(party: PartyView) -> str:
    return party.name_fa if current_locale() == "fa" else party.name_en
