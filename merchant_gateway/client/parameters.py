"""What the command line's options take: times, lines of a basket, lines of a refund."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

LINE_FORM = "SKU:CATEGORY:QUANTITY:AMOUNT"
_LINE_PARTS = 4


class Moment(click.ParamType[datetime]):
    """An RFC 3339 time with its offset."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the time."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("a time looks like 2026-03-21T10:15:00+03:30", param, ctx)
        if moment.tzinfo is None:
            self.fail("a time needs its offset, as in 2026-03-21T10:15:00+03:30", param, ctx)
        return moment


class BasketLine(click.ParamType[dict[str, str | int]]):
    """A line of a basket, ``SKU:CATEGORY:QUANTITY:AMOUNT``; the first two may be empty."""

    name = LINE_FORM

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, str | int]:
        """Read the line."""
        parts = str(value).split(":")
        if len(parts) != _LINE_PARTS or not (parts[2] + parts[3]).isdecimal():
            self.fail(f"a line looks like {LINE_FORM}", param, ctx)
        line: dict[str, str | int] = {"quantity": int(parts[2]), "amount": int(parts[3])}
        return line | {
            name: text for name, text in zip(("sku", "category"), parts, strict=False) if text
        }


class RefundLine(click.ParamType[dict[str, int]]):
    """A line of a refund, ``LINE:AMOUNT``, lines counted from 0."""

    name = "LINE:AMOUNT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, int]:
        """Read the line."""
        line, _, amount = str(value).partition(":")
        if not line.isdecimal() or not amount.isdecimal():
            self.fail("a line looks like 0:150000", param, ctx)
        return {"line": int(line), "amount": int(amount)}
