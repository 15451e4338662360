"""Rows of a table as people ask for them: found by words or figures, sorted, begun somewhere. Pure.

Every front shows tables and none may import another, so what is the same in all of them stands with
the language: text is found and sorted as the Persian alphabet has it, figures by how they begin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from network.language.digits import ascii_digits, sort_key

_BETWEEN_DIGITS = str.maketrans(dict.fromkeys(",٬ \u00a0\u200e+-−"))
_LONGEST_START = 9
Row = TypeVar("Row")


def arranged(
    rows: Iterable[Row],
    *,
    keys: Mapping[str, Callable[[Row], Any]],
    sort: str,
    asked: Mapping[str, str],
    words: Callable[[Row], str] | None = None,
) -> tuple[list[Row], str]:
    """Return the rows that ``asked["q"]`` finds in the order of ``asked["sort"]``, and that order.

    ``keys`` gives what each column sorts by (``-`` before its name falls), ``sort`` the order where
    none is asked for, ``words`` the text of a row that is searched; a number finds the columns'
    figures that begin with it.
    """
    found = list(rows)
    query = sort_key(asked.get("q", ""))
    if query and words is not None:
        digits = figure(asked["q"])
        found = [
            row
            for row in found
            if query in sort_key(words(row))
            or (digits and any(_begins(key(row), digits) for key in keys.values()))
        ]
    order = asked.get("sort", sort)
    if order.removeprefix("-") not in keys:
        order = sort
    value = keys[order.removeprefix("-")]
    found.sort(key=lambda row: _sortable(value(row)), reverse=order.startswith("-"))
    return found, order


def figure(text: str) -> str:
    """Return the digits of a number as people type or copy it, empty where it is none."""
    plain = ascii_digits(text).strip().translate(_BETWEEN_DIGITS)
    return plain if plain.isascii() and plain.isdigit() else ""


def first_of(text: str, *, total: int) -> int:
    """Return from which of ``total`` rows on a page shows, as an address says it."""
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_START:
        return 0
    return min(int(text), max(0, total - 1))


def _begins(value: object, digits: str) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and str(abs(int(str(value)))).startswith(digits)


def _sortable(value: Any) -> tuple[bool, Any]:
    """Put what is missing last, and text in the order of the Persian alphabet."""
    return (value is None, sort_key(value) if isinstance(value, str) else value or 0)
