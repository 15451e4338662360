"""Every statement of a window as files: JSON, CSV and paper for each merchant, in one pass.

The bytes are those that the gateway serves. A statement asked for alone reads the whole day for its
own lines; here the lines of all are spread once and come merchant by merchant, so that no more
than one merchant's are held, and what stands on the papers that are being drawn. Each file appears
under its name when it is whole, so whoever is killed and starts again leaves no half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from uuid import UUID

from network.clearing import queries
from network.clearing.facts import PartyView, StatementLine, StatementView, WindowView
from network.clearing.lines import all_statement_lines
from network.clearing.paper_lines import paper_lines
from network.clearing.party_names import named_parties
from network.clearing.statements import statement_csv, statement_json
from network.database.connection import Database
from network.ids import EntryIds
from settlement.drawing import Drawers, clear_parts, drawers, part_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One merchant's statement as files."""

    merchant: str
    currency: str
    lines: int
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """In which languages papers are drawn, the page that checks their codes, and how many at once.

    ``processes`` is as many as there are cores unless it is given.
    """

    locales: Sequence[str]
    check_url: str
    processes: int | None = None


def export_statements(
    database: Database,
    *,
    window: WindowView,
    entry_ids: EntryIds,
    directory: Path,
    papers: Papers | None = None,
    report: Callable[[int, int], None] | None = None,
) -> list[Exported]:
    """Write ``CODE-CURRENCY.json`` and ``.csv`` for each statement of a window; return what stands.

    With ``papers`` also ``CODE-CURRENCY.LOCALE.pdf``. Files that are there are written anew.
    ``report`` is told how many statements are written, of how many. Raises OSError.
    """
    clear_parts(directory)
    with ExitStack() as stack:
        pool = None if papers is None else stack.enter_context(drawers(processes=papers.processes))
        writer = _Writer(
            window=window, entry_ids=entry_ids, directory=directory, papers=papers, pool=pool
        )
        found = list(writer.written(database, report=report))
    return sorted(found, key=lambda each: (each.merchant, each.currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    window: WindowView
    entry_ids: EntryIds
    directory: Path
    papers: Papers | None
    pool: Drawers | None

    def written(
        self, database: Database, *, report: Callable[[int, int], None] | None
    ) -> Iterator[Exported]:
        with database.snapshot() as session:
            names = named_parties(session, window=self.window)
            wanted: dict[UUID, list[StatementView]] = {}
            for statement in queries.statements(session, window=self.window):
                wanted.setdefault(statement.merchant.party_id, []).append(statement)
            total = sum(map(len, wanted.values()))
            every = self._every(all_statement_lines(session, window=self.window), wanted)
            for number, (statement, lines) in enumerate(every, start=1):
                yield self._write(statement, lines, names)
                if report is not None:
                    report(number, total)

    def _every(
        self, lines: Iterable[StatementLine], wanted: dict[UUID, list[StatementView]]
    ) -> Iterator[tuple[StatementView, list[StatementLine]]]:
        for merchant_id, found in groupby(lines, key=attrgetter("merchant_id")):
            own = list(found)
            for statement in wanted.pop(merchant_id, []):
                currency = statement.totals.currency
                yield statement, [each for each in own if each.currency == currency]
        # Who had a balance and no line has a statement too.
        for statement in (each for left in wanted.values() for each in left):
            yield statement, []

    def _write(
        self,
        statement: StatementView,
        lines: list[StatementLine],
        names: dict[str, PartyView],
    ) -> Exported:
        currency = statement.totals.currency
        stem = f"{statement.merchant.code}-{currency}"
        files = [self.directory / f"{stem}.json", self.directory / f"{stem}.csv"]
        for path, form in zip(files, (statement_json, statement_csv), strict=True):
            part = part_of(path)
            with part.open("wb") as stream:
                stream.writelines(form(statement, lines=lines, entry_ids=self.entry_ids))
            part.replace(path)
        if self.papers is not None and self.pool is not None:
            found = paper_lines(statement, lines=lines, entry_ids=self.entry_ids, names=names)
            for locale in self.papers.locales:
                files.append(self.directory / f"{stem}.{locale}.pdf")
                self.pool.draw(
                    files[-1],
                    statement=statement,
                    lines=found,
                    locale=locale,
                    check_url=self.papers.check_url,
                )
        return Exported(
            merchant=statement.merchant.code,
            currency=currency,
            lines=len(lines),
            files=tuple(files),
        )
