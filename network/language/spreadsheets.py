"""Files that people open with a spreadsheet: rows as CSV, and text that is no formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

MARK = b"\xef\xbb\xbf"
"""Begins a file, so that spreadsheets read it as UTF-8."""

# What spreadsheets take for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guarded(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: with an apostrophe before it if need be.

    Figures of our own, which may begin with a minus, are not for this.
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def cell(value: object) -> str:
    """Return a value as a file has it: text guarded, moments in UTC, figures as they are."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return guarded(str(value))


def line(cells: Iterable[str]) -> bytes:
    """Return cells as a line of CSV (RFC 4180)."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode()
