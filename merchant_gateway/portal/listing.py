"""Lists: addresses of the pages beside this one, days that people ask for, and rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar
from urllib.parse import urlencode

from flask import Response, request

from network.language import parse_day
from network.language.spreadsheets import guarded

Row = TypeVar("Row")
PAGE_ROWS = 50
MOST_EXPORTED = 50_000


class TooManyRowsError(Exception):
    """There are more rows than a file holds: a person has to ask for fewer."""


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
    cells = [[_cell(value) for value in row] for row in rows]

    def lines() -> Iterator[bytes]:
        yield b"\xef\xbb\xbf" + _line(header)
        for row in cells:
            yield _line(row)

    response = Response(lines(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _line(cells: Sequence[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else guarded(str(value))
