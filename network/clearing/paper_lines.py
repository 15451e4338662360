"""What a statement's paper has of its lines: sums by kind, and the lines if they are few."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from network.clearing.facts import PartyView, StatementLine, StatementView
from network.clearing.statement_rows import Group, Printed, as_printed
from network.clearing.statements import entry_namer, line_record
from network.ids import EntryIds

MOST_LINES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLines:
    """What a paper has of a statement's lines: their sums by kind, and the lines if they are few.

    No more than MOST_LINES of them, and plain values: it can be handed to another process.
    ``names`` are those of the counterparties that the lines name, by code.
    """

    groups: dict[tuple[str, str, str], Group]
    printed: list[Printed]
    names: dict[str, PartyView]


def paper_lines(
    statement: StatementView,
    *,
    lines: Iterable[StatementLine],
    entry_ids: EntryIds,
    names: Mapping[str, PartyView] | None = None,
) -> PaperLines:
    """Return what the paper has of the lines, in any language."""
    groups: dict[tuple[str, str, str], Group] = {}
    printed: list[Printed] = []
    name = entry_namer(entry_ids)
    few = statement.totals.lines <= MOST_LINES
    for line in lines:
        record = line_record(line, name=name)
        group = groups.setdefault(
            (record["direction"], record["kind"], record["counterparty"]), Group()
        )
        group.lines += 1
        group.points += record["points"]
        group.amount += record["amount"]
        if few:
            printed.append(as_printed(line, record))
    met = {whom for _side, _kind, whom in groups}
    return PaperLines(
        groups=groups,
        printed=printed,
        names={code: each for code, each in (names or {}).items() if code in met},
    )
