"""Every statement of a window as files: JSON and CSV for each merchant, in one pass over the day.

The bytes are those that the gateway serves. A statement asked for alone reads the whole day for its
own lines; here the lines of all are spread once and come merchant by merchant, so that no more
than one merchant's are held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from uuid import UUID

from network.clearing import queries
from network.clearing.facts import StatementLine, StatementView, WindowView
from network.clearing.lines import all_statement_lines
from network.clearing.statements import statement_csv, statement_json
from network.database.connection import Database
from network.ids import EntryIds


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One merchant's statement as files."""

    merchant: str
    currency: str
    lines: int
    files: tuple[Path, ...]


def export_statements(
    database: Database,
    *,
    window: WindowView,
    entry_ids: EntryIds,
    directory: Path,
) -> list[Exported]:
    """Write ``CODE-CURRENCY.json`` and ``.csv`` for each statement of a window; return what stands.

    Files that are there are written anew. Raises OSError.
    """
    return sorted(
        _written(database, window=window, entry_ids=entry_ids, directory=directory),
        key=lambda each: (each.merchant, each.currency),
    )


def _written(
    database: Database, *, window: WindowView, entry_ids: EntryIds, directory: Path
) -> Iterator[Exported]:
    wanted: dict[UUID, list[StatementView]] = {}
    with database.snapshot() as session:
        for statement in queries.statements(session, window=window):
            wanted.setdefault(statement.merchant.party_id, []).append(statement)
        for merchant_id, lines in _by_merchant(all_statement_lines(session, window=window)):
            for statement in wanted.pop(merchant_id, []):
                yield _write(statement, lines, entry_ids=entry_ids, directory=directory)
        # Who had a balance and no line has a statement too.
        for statement in (each for left in wanted.values() for each in left):
            yield _write(statement, [], entry_ids=entry_ids, directory=directory)


def _by_merchant(
    lines: Iterable[StatementLine],
) -> Iterator[tuple[UUID, list[StatementLine]]]:
    for merchant_id, own in groupby(lines, key=attrgetter("merchant_id")):
        yield merchant_id, list(own)


def _write(
    statement: StatementView,
    lines: list[StatementLine],
    *,
    entry_ids: EntryIds,
    directory: Path,
) -> Exported:
    currency = statement.totals.currency
    own = [each for each in lines if each.currency == currency]
    stem = f"{statement.merchant.code}-{currency}"
    files = (directory / f"{stem}.json", directory / f"{stem}.csv")
    for path, form in zip(files, (statement_json, statement_csv), strict=True):
        with path.open("wb") as stream:
            stream.writelines(form(statement, lines=own, entry_ids=entry_ids))
    return Exported(
        merchant=statement.merchant.code, currency=currency, lines=len(own), files=files
    )
