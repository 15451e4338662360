"""The lines of the bank's statements as a table and as a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from config.web import listing
from config.web.listing import Page
from network import ids
from network.money.facts import BankAnswerView, BankLine

COLUMNS = (
    *("booked_on", "outcome", "amount", "currency", "end_to_end_id", "payment", "bank_ref"),
    *("reason", "taken_at"),
)


def arranged(answers: Iterable[BankAnswerView]) -> Page[BankAnswerView]:
    """Search, sort and cut the lines as the address asks, those taken last first."""
    return listing.arrange(
        answers,
        sort="-taken",
        keys={
            "taken": lambda row: row.imported_at,
            "booked": lambda row: row.line.booked_on,
            "outcome": lambda row: row.outcome,
            "amount": lambda row: _signed(row.line),
            "reference": lambda row: row.line.bank_ref,
        },
        words=lambda row: (
            f"{row.line.end_to_end_id or ''} {row.line.bank_ref} {row.line.reason or ''}"
            f" {row.line.amount} {row.outcome}"
        ),
    )


def cells(page: Page[BankAnswerView]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the file."""
    for row in page.rows:
        line = row.line
        yield (
            line.booked_on,
            row.outcome,
            _signed(line),
            line.currency,
            line.end_to_end_id,
            None if row.payment_id is None else ids.encode("pay", row.payment_id),
            line.bank_ref,
            line.reason,
            row.imported_at.isoformat(),
        )


def _signed(line: BankLine) -> int:
    return line.amount if line.credit else -line.amount
