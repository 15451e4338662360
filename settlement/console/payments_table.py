"""A window's payments as a file."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from config.web import listing
from network import ids
from network.clearing.facts import WindowView
from network.money.facts import PaymentView
from settlement.console.filters import party


def payments_file(window: WindowView, rows: Sequence[PaymentView]) -> Response:
    """Return payments as CSV, in the order of the screen."""
    return listing.csv_response(
        f"payments-{window.first_day}",
        (
            *("payment", "merchant", "name", "direction", "amount", "currency", "iban", "state"),
            *("awaited", "end_to_end_id"),
        ),
        (
            (
                ids.encode("pay", row.fact.payment_id),
                row.merchant.code,
                party(row.merchant),
                row.fact.direction,
                row.fact.amount,
                row.fact.currency,
                row.fact.iban,
                row.state,
                "yes" if row.fact.awaited else "no",
                row.fact.end_to_end_id,
            )
            for row in rows
        ),
    )
