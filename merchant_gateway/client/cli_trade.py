"""``peyvand-merchant trade``: who sends you customers, and where your points go."""

from __future__ import annotations

from datetime import datetime

import click

from merchant_gateway.client import show

_DAY = click.DateTime(["%Y-%m-%d"])
_COLUMNS = (
    *("partner", "taken_points", "taken_amount", "spent_points", "spent_amount", "balance"),
)


@click.command()
@click.option("--since", type=_DAY, help="Windows from this day on; 30 days if absent.")
@click.option("--until", type=_DAY, help="Windows before this day.")
@click.pass_context
def trade(context: click.Context, *, since: datetime | None, until: datetime | None) -> None:
    """Show whose points your customers brought, and where yours were spent."""
    screen = context.obj()
    with screen.errors():
        rows = list(
            screen.client.trade.partners(
                since=None if since is None else since.date(),
                until=None if until is None else until.date(),
            )
        )
    if screen.json:
        show.as_json(rows)
        return
    others = {"code": "all others"}
    show.table(
        ({**each, "partner": (each["partner"] or others)["code"]} for each in rows),
        columns=_COLUMNS,
    )
