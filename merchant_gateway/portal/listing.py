"""Lists: addresses of the pages beside this one, days that people ask for, and rows as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import Response, request

from network.language import parse_day
from network.language.arranging import arranged, first_of
from network.language.spreadsheets import MARK, cell, line

Row = TypeVar("Row")
PAGE_ROWS = 50
MOST_EXPORTED = 50_000


class TooManyRowsError(Exception):
    """There are more rows than a file holds: a person has to ask for fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """The rows to show, how they are sorted, how many were found, and the pages beside this one."""

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
    words: Callable[[Row], str],
) -> Page[Row]:
    """Search, sort and cut rows as the address asks (``?q=``, ``?sort=``, ``?from=``).

    The rules are those of all tables of ours (``network.language.arranging``). A file has every row
    that was found, in the order of the screen.
    """
    found, order = arranged(rows, keys=keys, sort=sort, asked=request.args, words=words)
    if wants_csv():
        return Page(rows=all_of(found), total=len(found), sort=order)
    start = first_of(request.args.get("from", ""), total=len(found))
    after = start + PAGE_ROWS
    return Page(
        rows=found[start:after],
        total=len(found),
        sort=order,
        newer=address(**{"from": max(0, start - PAGE_ROWS) or None}) if start else None,
        older=address(**{"from": after}) if after < len(found) else None,
    )


def address(**changes: object) -> str:
    """Return this page's address with some of its query fields changed (``None``: left out)."""
    fields: dict[str, object] = {**request.args.to_dict(), **changes}
    if "format" not in changes:
        fields.pop("format", None)
    kept = {name: value for name, value in fields.items() if value not in {None, ""}}
    return f"?{urlencode(kept)}" if kept else "?"


def argument(name: str) -> str | None:
    """Return a query field, ``None`` where it is empty."""
    return request.args.get(name) or None


def offset() -> int:
    """Return from which row on the page shows (``?from=``)."""
    text = request.args.get("from", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0  # noqa: PLR2004 - no list is longer


def day(name: str) -> date | None:
    """Return the day in a query field, written in either calendar; ``None`` where there is none."""
    return parse_day(request.args.get(name, ""))


def wants_csv() -> bool:
    """Return whether the address asks for the list as a file."""
    return request.args.get("format") == "csv"


def all_of(found: Sequence[Row]) -> Sequence[Row]:
    """Return the rows of a file, all of them or none: raises TooManyRowsError."""
    if len(found) > MOST_EXPORTED:
        raise TooManyRowsError
    return found


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return rows as CSV (RFC 4180, UTF-8 with a mark for spreadsheets), written piece by piece.

    Text that a spreadsheet would take for a formula begins with an apostrophe; numbers stay
    numbers.
    """
    cells = [[cell(value) for value in row] for row in rows]

    def lines() -> Iterator[bytes]:
        yield MARK + line(header)
        for row in cells:
            yield line(row)

    response = Response(lines(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
