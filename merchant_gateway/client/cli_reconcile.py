"""``peyvand-merchant reconcile`` and ``dispute``: a day of your own record, and single lines."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from merchant_gateway.client import show

_DIFFERS = 1
_COUNTS = ("state", "lines", "entries", "agreeing", "idle_lines", "breaks", "faulty", "id")
_BREAKS = ("kind", "line", "merchant_ref", "their_amount", "our_amount", "their_points")
_DISPUTES = ("opened_at", "state", "reason", "points", "amount", "due_at", "entry", "id")
_REASONS = ("points", "amount", "member", "status", "not_ours", "other")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="The business day that the record is of.",
)
@click.pass_context
def reconcile(context: click.Context, *, file: Path, day: datetime) -> None:
    """Compare your own record of a day, JSON lines or CSV, with the network's.

    Prints where they differ. The same file sent again is the same record. Exits with 1 where
    anything differs or a line cannot be read.
    """
    screen = context.obj()
    with screen.errors():
        work = screen.client.reconciliation
        found = work.run_file(file, business_date=day.date())
        breaks = list(work.breaks(found["id"])) if found["state"] == "done" else []
    if screen.json:
        show.as_json({**found, "items": breaks})
    else:
        show.facts({name: found[name] for name in _COUNTS}, language=screen.language)
        if found["faults"]:
            show.table(found["faults"], columns=("line", "field", "detail"))
        if breaks:
            show.table([_row(each) for each in breaks], columns=(*_BREAKS, "our_points", "state"))
    if found["faulty"] or any(each["closed_at"] is None for each in breaks):
        sys.exit(_DIFFERS)


@click.command()
@click.argument("reconciliation_id", required=False)
@click.option("--breaks", is_flag=True, help="Where that record and the network differ.")
@click.option(
    "--state",
    type=click.Choice(["open", "proposed", "resolved", "gone"]),
    help="With --breaks: only those in this state.",
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.pass_context
def reconciliations(
    context: click.Context,
    *,
    reconciliation_id: str | None,
    breaks: bool,
    state: str | None,
    limit: int,
) -> None:
    """List the records that you sent, read what came of one, or its breaks."""
    if (breaks or state) and (reconciliation_id is None or not breaks):
        raise click.UsageError("Name the record, and --breaks where a state is asked for.")
    screen = context.obj()
    with screen.errors():
        work = screen.client.reconciliation
        if reconciliation_id is not None and not breaks:
            screen.answer(work.read(reconciliation_id))
            return
        found = work.breaks(reconciliation_id, state=state) if breaks else work.records()
        rows = list(islice(found, limit))
    if screen.json:
        show.as_json(rows)
    elif breaks:
        show.table([_row(each) for each in rows], columns=(*_BREAKS, "our_points", "state"))
    else:
        show.table(rows, columns=("business_date", "version", *_COUNTS))


@click.command()
@click.argument("entry")
@click.option("--reason", type=click.Choice(_REASONS), required=True)
@click.option("--words", required=True, help="What is wrong, in words.")
@click.option("--points", type=click.IntRange(0), help="How many points it should have been.")
@click.option("--amount", type=click.IntRange(0), help="Which amount it should have been.")
@click.option("--key", "idempotency_key", help="Idempotency key, to ask again.")
@click.pass_context
def dispute(context: click.Context, /, *, entry: str, **given: Any) -> None:
    """Dispute one ENTRY of the network; the rest of the statement is paid."""
    screen = context.obj()
    with screen.errors():
        screen.answer(screen.client.reconciliation.dispute(entry=entry, **given))


@click.command()
@click.argument("dispute_id", required=False)
@click.option("--say", "words", help="Say more in one that is not decided.")
@click.option("--key", "idempotency_key", help="Idempotency key, to say it again.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.pass_context
def disputes(
    context: click.Context,
    *,
    dispute_id: str | None,
    words: str | None,
    idempotency_key: str | None,
    limit: int,
) -> None:
    """List your disputes, or read one: what the network says, what was said, and the decision."""
    if words is not None and dispute_id is None:
        raise click.UsageError("Name the dispute in which you say it.")
    screen = context.obj()
    with screen.errors():
        if dispute_id is not None:
            work, rows = screen.client.reconciliation, []
            if words is None:
                found = work.read_dispute(dispute_id)
            else:
                found = work.say(dispute_id, words=words, idempotency_key=idempotency_key)
        else:
            rows = list(islice(screen.client.reconciliation.disputes(), limit))
    if screen.json:
        show.as_json(rows if dispute_id is None else found.data)
    elif dispute_id is None:
        show.table(rows, columns=_DISPUTES)
    else:
        _tell(found.data, language=screen.language)


def _tell(found: Mapping[str, Any], *, language: str) -> None:
    """Print a dispute, the network's word on the entry, and what both sides said."""
    plain = {name: value for name, value in found.items() if name not in {"answer", "notes"}}
    show.facts(plain, language=language)
    click.echo("The network says:")
    said = found["answer"]["said"]
    show.facts({name: value for name, value in said.items() if name != "lines"}, language=language)
    show.facts({"signed_with": found["answer"]["key_id"]}, language=language)
    if said["lines"]:
        show.table(said["lines"], columns=("kind", "direction", "points", "price"))
    for each in found["notes"]:
        click.echo(f"{each['at']} {each['side']}: {each['words']}")


def _row(each: Mapping[str, Any]) -> dict[str, Any]:
    """Return a break as a row: what both sides say beside each other."""
    theirs, ours = each["theirs"] or {}, each["ours"] or {}
    return {
        "kind": each["kind"],
        "line": each["line"],
        "merchant_ref": theirs.get("merchant_ref") or ours.get("merchant_ref"),
        "their_amount": theirs.get("amount"),
        "our_amount": ours.get("amount"),
        "their_points": theirs.get("points"),
        "our_points": ours.get("points"),
        "state": each["state"],
    }
