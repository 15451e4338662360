"""Arrays written as PostgreSQL reads them, for statements that take thousands of rows at once.

A driver looks at the type of every element, which takes longer than many a row takes to be written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def array(values: Iterable[Any]) -> str:
    """Return an array of values that need no quotes: numbers, ids, times; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """Return an array of any texts; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    return f'"{text}"'
