"""Tables: sorting, searching and paging as the address asks, keys of pages, and rows as CSV."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask, Response, abort, flash, redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import access
from network.ids import EntryIds, UnknownIdError, decode
from network.language import format_number, parse_day, sort_key
from network.language import gettext as _
from network.language.arranging import arranged, first_of
from network.language.spreadsheets import MARK, cell, line

PAGE_ROWS = 50
MOST_EXPORTED = 100_000
"""Rows of a file that is sorted in memory; what is longer is refused, never cut."""

_PIECE_ROWS = 5_000
_LONGEST_OFFSET = 1_000_000_000
Row = TypeVar("Row")
Key = TypeVar("Key")


class TooManyRowsError(Exception):
    """There are more rows than a file made in memory holds: a person has to ask for fewer."""


def install(app: Flask) -> None:
    """Say on the page itself that a file would be too long, with what to ask for instead."""

    @app.errorhandler(TooManyRowsError)
    def too_many(_error: TooManyRowsError) -> BaseResponse:
        flash(
            _(
                "More than %(most)s rows: a file would lose some. Ask for fewer days, or a part.",
                most=format_number(MOST_EXPORTED),
            ),
            "bad",
        )
        return redirect(request.path + address())


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """The rows to show, how they are sorted, how many there are, and the pages beside this one."""

    rows: Sequence[Row]
    total: int
    sort: str
    newer: str | None = None
    older: str | None = None


def arrange(
    rows: Iterable[Row],
    *,
    keys: Mapping[str, Callable[[Row], Any]],
    sort: str,
    words: Callable[[Row], str] | None = None,
    every: Callable[[Sequence[Row]], None] | None = None,
) -> Page[Row]:
    """Search, sort and cut rows as the address asks: ``?q=``, ``?sort=`` (``-`` falls), ``?from=``.

    ``keys`` gives what each column sorts by, ``sort`` the order where none is asked for, ``words``
    the text of a row that ``?q=`` searches; a number finds the columns' figures that begin with it.
    Text sorts as the Persian alphabet does. ``every`` is given all rows found, for their sums.
    """
    found, asked = arranged(rows, keys=keys, sort=sort, asked=request.args, words=words)
    if every is not None:
        every(found)
    # A file has every row, in the order of the screen, from whichever page it was asked for.
    if wants_csv():
        return Page(rows=found, total=len(found), sort=asked)
    begin = start(len(found))
    return cut(found[begin : begin + PAGE_ROWS], start=begin, total=len(found), sort=asked)


def cut(rows: Sequence[Row], *, start: int, total: int, sort: str) -> Page[Row]:
    """Return rows from ``start`` on as a page of ``total``, with the addresses beside it."""
    return Page(
        rows=rows,
        total=total,
        sort=sort,
        newer=address(**{"from": max(0, start - PAGE_ROWS) or None}) if start else None,
        older=address(**{"from": start + PAGE_ROWS}) if start + PAGE_ROWS < total else None,
    )


def order(columns: Collection[str], *, usual: str) -> str:
    """Return how the address wants rows sorted by the database: ``?sort=``, ``-`` before it falls.

    ``usual`` is the order where none of ``columns`` is asked for.
    """
    wanted = request.args.get("sort", "")
    return wanted if wanted.removeprefix("-") in columns else usual


def ranked(names: Mapping[str, str]) -> list[str]:
    """Return keys in the order in which the alphabet puts their names, to sort by in a query."""
    return sorted(names, key=lambda key: sort_key(names[key]))


def address(**changes: object) -> str:
    """Return this page's address with some of its query fields changed (``None``: left out)."""
    fields: dict[str, object] = {**request.args.to_dict(), **changes}
    if "format" not in changes:
        fields.pop("format", None)
    kept = {name: value for name, value in fields.items() if value not in {None, ""}}
    return f"?{urlencode(kept)}" if kept else "?"


def line_key(entry_ids: EntryIds, *, member_id: UUID, sequence: int, line: int) -> str:
    """Return the key of a posting for ``?after=``; the member stays sealed inside."""
    return f"{entry_ids.encode(prefix='ent', member_id=member_id, sequence=sequence)}.{line}"


def after_line(entry_ids: EntryIds) -> tuple[UUID, int, int] | None:
    """Return the posting that ``?after=`` names; raise UnknownIdError where it names none."""
    text = request.args.get("after")
    if not text:
        return None
    entry, _, line = text.partition(".")
    key = entry_ids.decode(entry, prefix="ent", field="after")
    if not line.isascii() or not line.isdigit():
        raise UnknownIdError("this is not the key of a page", field="after")
    return key.member_id, key.sequence, int(line)


def next_line(entry_ids: EntryIds, rows: Sequence[Any]) -> str:
    """Return the address of the postings after the last of ``rows``."""
    last = rows[-1]
    key = line_key(entry_ids, member_id=last.member_id, sequence=last.sequence, line=last.line)
    return address(after=key)


def moment_key(row: Any) -> str:
    """Return the key of a row with ``created_at`` and ``public_id``, for ``?before=``."""
    return f"{row.created_at.isoformat()}~{row.public_id}"


def before_moment(prefix: str) -> tuple[datetime, UUID] | None:
    """Return the row that ``?before=`` names; 404 where it names none."""
    text = argument("before")
    if text is None:
        return None
    moment, _tilde, public_id = text.partition("~")
    try:
        return datetime.fromisoformat(moment), decode(prefix, public_id)
    except (ValueError, UnknownIdError):
        abort(404)


def argument(name: str) -> str | None:
    """Return a query field, ``None`` where it is empty."""
    return request.args.get(name) or None


def day(name: str) -> date | None:
    """Return the day in a query field, written in either calendar; ``None`` where there is none."""
    return parse_day(request.args.get(name, ""))


def wants_csv() -> bool:
    """Return whether the address asks for the table as a file."""
    return request.args.get("format") == "csv"


def asked(shown: int) -> int:
    """Return how many rows to read where a page shows ``shown``: one more, to know of the rest."""
    return (MOST_EXPORTED if wants_csv() else shown) + 1


def first(found: Sequence[Row], shown: int) -> tuple[Sequence[Row], bool]:
    """Return the rows to show of those that ``asked`` let in, and whether there are more.

    A file has all of them or none: raises TooManyRowsError.
    """
    if not wants_csv():
        return found[:shown], len(found) > shown
    if len(found) > MOST_EXPORTED:
        raise TooManyRowsError
    return found, False


def pieces(
    read: Callable[[Key | None], Sequence[Row]], *, key: Callable[[Row], Key]
) -> Iterator[Row]:
    """Yield all rows of a list of any length, read piece by piece: those behind a key."""
    after: Key | None = None
    while found := read(after):
        yield from found
        after = key(found[-1])


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return rows as CSV (RFC 4180, UTF-8 with a mark for spreadsheets), written piece by piece.

    Text that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV
    injection); numbers stay numbers.
    """

    # Names are put into the reader's language here: when the answer is sent, it is forgotten.
    cells = [[cell(value) for value in row] for row in rows]

    def lines() -> Iterator[bytes]:
        yield MARK + line(header)
        for row in cells:
            yield line(row)

    return _file(name, lines())


def streamed(
    name: str,
    header: Sequence[str],
    rows: Callable[[Session, int], Iterable[Sequence[object]]],
) -> Response:
    """Return rows of a list of any length as CSV, read while they are sent, as of one moment.

    ``rows`` is called with a session and how many rows to read at once, outside of the request:
    what it needs of that it has taken before.
    """
    database = access.services().database

    def lines() -> Iterator[bytes]:
        yield MARK + line(header)
        with database.snapshot() as session:
            for row in rows(session, _PIECE_ROWS):
                yield line([cell(value) for value in row])

    return _file(name, lines())


def _file(name: str, lines: Iterator[bytes]) -> Response:
    response = Response(lines, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def start(total: int) -> int:
    """Return from which of ``total`` rows on the page shows (``?from=``)."""
    return first_of(request.args.get("from", ""), total=total)


def offset() -> int:
    """Return from which row on the page shows (``?from=``), of rows not counted."""
    return start(_LONGEST_OFFSET)
