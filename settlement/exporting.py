"""Every statement of a window as files: JSON, CSV and paper for each merchant.

The bytes are those that the gateway serves. A statement asked for alone reads the whole day for its
own lines; here the lines of many are spread at once and come merchant by merchant, written by the
database but for the entry's public id and the reference as a cell of CSV. Merchants are shared out
to as many connections as the server lets processes work at one statement. Papers need the lines
themselves and take a second pass, which holds one merchant's. Each file appears under its name when
it is whole, so whoever is killed and starts again leaves no half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from threading import Lock
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing import line_texts, queries
from network.clearing.facts import StatementLine, StatementView, WindowView
from network.clearing.line_texts import ENTRY, REF, WrittenLines
from network.clearing.lines import all_statement_lines
from network.clearing.paper_lines import paper_lines
from network.clearing.party_names import named_parties
from network.clearing.statements import csv_frame, csv_reference, json_frame
from network.database.connection import Database
from network.ids import EntryIds
from network.ledger.side_by_side import in_order
from settlement.drawing import clear_parts, drawers, part_of

_PROCESSES = text("SELECT current_setting('max_parallel_workers_per_gather')::integer")


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
    writer = _Writer(window=window, entry_ids=entry_ids, directory=directory, papers=papers)
    found = list(writer.written(database, report=report))
    return sorted(found, key=lambda each: (each.merchant, each.currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    window: WindowView
    entry_ids: EntryIds
    directory: Path
    papers: Papers | None

    def written(
        self, database: Database, *, report: Callable[[int, int], None] | None
    ) -> Iterator[Exported]:
        with database.snapshot() as session:
            statements = queries.statements(session, window=self.window)
            told = _Told(report if self.papers is None else None, of=len(statements))
            processes: int = session.execute(_PROCESSES).scalar_one()
            tasks = [
                partial(self._files, statements=share, told=told)
                for share in shared_out(statements, among=max(1, processes))
            ]
            for written in in_order(session, tasks, helpers=len(tasks) - 1, prepare=_as_it_is):
                yield from written
            if self.papers is not None:
                told = _Told(report, of=len(statements))
                for _ in self._draw(session, statements, papers=self.papers):
                    told.one_more()

    def _files(
        self, session: Session, *, statements: Sequence[StatementView], told: _Told
    ) -> list[Exported]:
        """Write the statements of some merchants whose ids are neighbours."""
        wanted = {(each.merchant.party_id, each.totals.currency): each for each in statements}
        ids = [merchant_id for merchant_id, _ in wanted]
        lines = line_texts.written_lines(session, window=self.window, first=min(ids), last=max(ids))
        done = []
        for key, found in groupby(lines, key=attrgetter("merchant_id", "currency")):
            statement = wanted.pop(key, None)
            if statement is not None:
                done.append(self._write(statement, found))
                told.one_more()
        # Who had a balance and no line has a statement too.
        for statement in wanted.values():
            done.append(self._write(statement, ()))
            told.one_more()
        return done

    def _write(self, statement: StatementView, lines: Iterable[WrittenLines]) -> Exported:
        files = [self._path(statement, "json"), self._path(statement, "csv")]
        parts = [part_of(path) for path in files]
        count, between = 0, ""
        (head, tail), (header, footer) = json_frame(statement), csv_frame(statement)
        with parts[0].open("wb") as document, parts[1].open("wb") as table:
            document.write(head)
            table.write(header)
            for each in lines:
                entry = self.entry_ids.encode(
                    prefix="ent", member_id=each.member_id, sequence=each.sequence
                )
                document.write((between + each.piece.replace(ENTRY, entry)).encode())
                ref = csv_reference(each.merchant_ref)
                table.write(each.rows.replace(ENTRY, entry).replace(REF, ref).encode())
                count, between = count + each.lines, ","
            document.write(tail)
            table.write(footer)
        for part, path in zip(parts, files, strict=True):
            part.replace(path)
        if self.papers is not None:
            files += [self._path(statement, f"{each}.pdf") for each in self.papers.locales]
        return Exported(
            merchant=statement.merchant.code,
            currency=statement.totals.currency,
            lines=count,
            files=tuple(files),
        )

    def _draw(
        self, session: Session, statements: Sequence[StatementView], *, papers: Papers
    ) -> Iterator[int]:
        """Have every paper drawn, merchant by merchant; yield how many statements have theirs."""
        wanted: dict[UUID, list[StatementView]] = {}
        for statement in statements:
            wanted.setdefault(statement.merchant.party_id, []).append(statement)
        names = named_parties(session, window=self.window)
        every = self._every(all_statement_lines(session, window=self.window), wanted)
        with drawers(processes=papers.processes) as pool:
            for number, (statement, lines) in enumerate(every, start=1):
                found = paper_lines(statement, lines=lines, entry_ids=self.entry_ids, names=names)
                for locale in papers.locales:
                    pool.draw(
                        self._path(statement, f"{locale}.pdf"),
                        statement=statement,
                        lines=found,
                        locale=locale,
                        check_url=papers.check_url,
                    )
                yield number

    def _every(
        self, lines: Iterable[StatementLine], wanted: dict[UUID, list[StatementView]]
    ) -> Iterator[tuple[StatementView, list[StatementLine]]]:
        for merchant_id, found in groupby(lines, key=attrgetter("merchant_id")):
            own = list(found)
            for statement in wanted.pop(merchant_id, []):
                currency = statement.totals.currency
                yield statement, [each for each in own if each.currency == currency]
        for statement in (each for left in wanted.values() for each in left):
            yield statement, []

    def _path(self, statement: StatementView, form: str) -> Path:
        return self.directory / f"{statement.merchant.code}-{statement.totals.currency}.{form}"


def shared_out(statements: Sequence[StatementView], *, among: int) -> list[Sequence[StatementView]]:
    """Return statements in at most so many shares of about as many lines; a merchant is in one.

    The merchants of a share are neighbours by id.
    """
    ordered = sorted(statements, key=lambda each: each.merchant.party_id)
    whole = sum(1 + each.totals.lines for each in ordered)
    shares: list[list[StatementView]] = [[] for _ in range(among)]
    before = 0
    for _, own in groupby(ordered, key=lambda each: each.merchant.party_id):
        merchants = list(own)
        shares[before * among // whole].extend(merchants)
        before += sum(1 + each.totals.lines for each in merchants)
    return [share for share in shares if share]


class _Told:
    """Counts what is written, whoever wrote it, and tells it."""

    def __init__(self, report: Callable[[int, int], None] | None, *, of: int) -> None:
        self._report = report
        self._of = of
        self._done = 0
        self._lock = Lock()

    def one_more(self) -> None:
        with self._lock:
            self._done += 1
            if self._report is not None:
                self._report(self._done, self._of)


def _as_it_is(_session: Session) -> None:
    """Leave a helper's session as it is."""
