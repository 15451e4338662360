"""``peyvand-merchant statement`` and ``replay``: what settled, and whether it agrees."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

import click

from merchant_gateway.client import show

_DIFFERS = 1
_COLUMNS = ("first_day", "end_day", "receivable", "payable", "fees", "net", "closing", "id")
_LINES = ("merchant_ref", "kind", "direction", "counterparty", "points", "price", "amount", "entry")


@click.command()
@click.argument("settlement_id", required=False)
@click.option("--csv", "form", flag_value="csv", help="The statement as CSV.")
@click.option("--pdf", "form", flag_value="pdf", help="The statement as PDF, in --language.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.pass_context
def statement(context: click.Context, *, settlement_id: str | None, form: Any, limit: int) -> None:
    """List the settled windows, or print the statement of one as it was published."""
    screen = context.obj()
    with screen.errors():
        if settlement_id is not None:
            answer = screen.client.statement(settlement_id, form=form or "json")
            sys.stdout.buffer.write(answer.content)
            return
        found = list(islice(screen.client.settlements(), limit))
    if screen.json:
        show.as_json(found)
        return
    show.table(({**each["totals"], **each["window"]} for each in found), columns=_COLUMNS)


@click.command()
@click.argument("settlement_id")
@click.option("--lines", is_flag=True, help="Its lines, one by one, in place of the totals.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.pass_context
def settlement(context: click.Context, *, settlement_id: str, lines: bool, limit: int) -> None:
    """Show the totals of one settled window, or its lines."""
    screen = context.obj()
    with screen.errors():
        if not lines:
            screen.answer(screen.client.settlement(settlement_id))
            return
        rows = list(islice(screen.client.settlement_lines(settlement_id), limit))
    if screen.json:
        show.as_json(rows)
    else:
        show.table(rows, columns=_LINES)


@click.command()
@click.argument("settlement_id", required=False)
@click.pass_context
def replay(context: click.Context, *, settlement_id: str | None) -> None:
    """Compare a settled window, the latest by default, with your own journal.

    Reckons every entry, sum, the digest and the seal anew. Exits with 1 where anything differs.
    """
    screen = context.obj()
    if screen.journal is None:
        raise click.UsageError("Name your journal: peyvand-merchant --journal FILE replay.")
    with screen.errors():
        wanted = settlement_id
        if wanted is None:
            latest = next(screen.client.settlements(page=1), None)
            if latest is None:
                click.echo("Nothing has been settled yet.", err=True)
                return
            wanted = latest["window"]["id"]
        found = screen.client.replay(wanted, journal=screen.journal)
    if screen.json:
        show.as_json(found.as_json())
    else:
        show.replayed(found)
    if not found.agrees:
        sys.exit(_DIFFERS)
