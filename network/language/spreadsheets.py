"""Text in files that people open with a spreadsheet."""

from __future__ import annotations

# What spreadsheets take for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guarded(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: with an apostrophe before it if need be.

    Figures of our own, which may begin with a minus, are not for this.
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
