"""Answers and errors on a terminal: a table for people, JSON for programs."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from merchant_gateway.client.batches import Progress
from merchant_gateway.client.errors import CallError, NotAGatewayError, ProblemError
from merchant_gateway.client.replay import Replay

_FINDINGS = {
    "not_in_journal": "an entry that your journal lacks",
    "not_at_network": "an answer whose entry the network does not list",
    "entry_differs": "an entry that differs from its answer",
    "answers_differ": "two signed answers for one call",
    "answer_not_signed": "an answer whose signature does not hold",
    "line_differs": "points of an entry on the statement",
    "price_differs": "an amount that is not points × price",
    "sum_differs": "a sum",
    "seal_not_signed": "the seal's signature",
}
_LOOPBACK = (
    "  To have events posted to this machine while you develop, start your own gateway with "
    "PEYVAND_WEBHOOK_LOOPBACK=1."
)
_STEP_MARK = {True: "+", False: "-"}


def as_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True))


def facts(data: dict[str, Any], *, language: str) -> None:
    """Print an answer as aligned names and values, then the explanation in words."""
    rows = [(name, _plain(value)) for name, value in data.items() if name != "explanation"]
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"{name.replace('_', ' '):<{width}}  {value}")
    for step in data.get("explanation", []):
        words = step.get(language) or step.get("en") or step.get("reason", "")
        click.echo(f"  {_STEP_MARK[bool(step.get('fired'))]} {words}")


def table(rows: Iterable[Mapping[str, Any]], *, columns: Sequence[str]) -> None:
    """Print rows as a table with ``columns``, each as wide as it needs to be."""
    cells = [[_plain(row.get(column)) for column in columns] for row in rows]
    heads = [column.replace("_", " ") for column in columns]
    widths = [
        max(len(head), *(len(row[number]) for row in cells)) if cells else len(head)
        for number, head in enumerate(heads)
    ]
    for line in [heads, *cells]:
        padded = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def problem(error: ProblemError) -> None:
    """Print what was refused and why, to standard error."""
    click.echo(f"{error.title}. {error.detail}", err=True)
    for each in error.errors:
        click.echo(f"  {each.get('pointer', '')}: {each.get('detail', '')}", err=True)
    for name, value in error.facts.items():
        click.echo(f"  {name.replace('_', ' ')}: {_plain(value)}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    if error.signature_base:
        click.echo("  signature base, as the gateway read the request:", err=True)
        for line in error.signature_base.splitlines():
            click.echo(f"    {line}", err=True)
    if see := error.problem.get("see"):
        click.echo(f"  {see}", err=True)
    if error.code == "webhook_url_refused":
        click.echo(_LOOPBACK, err=True)
    click.echo(f"  ({error.code}, request {error.request_id})", err=True)


def lost(error: CallError, *, kept: Path | None) -> None:
    """Print that no answer can be believed, and how to ask again without doing it twice.

    ``kept`` is the file that holds the request, where there is one.
    """
    click.echo(str(error), err=True)
    if isinstance(error, NotAGatewayError) or error.idempotency_key is None:
        return
    if kept is None:
        again = f"the same command with --key {error.idempotency_key}"
    else:
        again = f"peyvand-merchant resend {shlex.quote(str(kept))}"
    click.echo(f"It may have been done. To ask again, and do nothing twice: {again}", err=True)


def replayed(found: Replay) -> None:
    """Print what a replay came to: the figures, then every difference."""
    facts(
        {
            "settlement": found.settlement,
            "days": f"{found.first_day} up to {found.end_day}",
            "own_entries": found.entries,
            "lines": f"{found.lines}, of them {found.own_lines} taken in your shops",
            "net": found.net,
            "closing": found.closing,
            "digest": found.digest,
        },
        language="en",
    )
    if found.agrees:
        click.echo("Record and statement agree.")
        return
    click.echo(f"{len(found.findings)} differences:")
    rows = [
        {
            "what": _FINDINGS.get(each.code, each.code),
            "where": each.subject,
            "your_record": each.recorded,
            "network": each.stated,
        }
        for each in found.findings
    ]
    table(rows, columns=("what", "where", "your_record", "network"))


class Ticker:
    """Writes a batch's progress to standard error: a line that changes, or one now and then."""

    def __init__(self, *, every_seconds: float = 0.5) -> None:
        self._every = every_seconds
        self._next = 0.0
        self._moves = sys.stderr.isatty()

    def __call__(self, progress: Progress) -> None:
        """Tell where it stands, at most every so often, and always at the end."""
        ended = progress.done == progress.sent
        if time.monotonic() < self._next and not ended:
            return
        self._next = time.monotonic() + self._every
        words = (
            f"{progress.done} of {progress.sent} lines done: {progress.posted} posted, "
            f"{progress.known} known, {progress.refused} refused"
        )
        if self._moves:
            click.echo(f"\r{words}", err=True, nl=ended)
        else:
            click.echo(words, err=True)


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        words = [each for each in value if isinstance(each, str)]
        return ", ".join(words) if len(words) == len(value) else str(len(value))
    return str(value)
