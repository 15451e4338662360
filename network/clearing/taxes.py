"""The VAT on statements: what each merchant pays of it, on which fee and at which rate.

An obligation of VAT says what its tax falls on, and obligations of a closed window never change, so
nothing is stored for a statement: what it tells is read from them, the same each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import VAT_KINDS
from network.clearing.tax_facts import StatedTax

_TAXES = text("""
    SELECT window_id, payer_id, currency,
           CASE payer_account WHEN 'deposit' THEN 'deposit' ELSE 'vat' END AS direction,
           kind, taxed, vat_rate, price, sum(points)::bigint AS points,
           sum(amount)::bigint AS amount
    FROM network.obligation
    WHERE window_id = ANY (:windows) AND kind = ANY (:kinds) AND vat_rate <> 0
      AND (CAST(:merchant_id AS uuid) IS NULL OR payer_id = :merchant_id)
    GROUP BY window_id, payer_id, currency, payer_account, kind, taxed, vat_rate, price
    ORDER BY window_id, payer_id, currency, payer_account DESC, kind, taxed, vat_rate, price
""")


class Whose(NamedTuple):
    """Whose statement it is: of a window, a merchant and a currency."""

    window_id: UUID
    merchant_id: UUID
    currency: str


def taxes(
    session: Session, *, windows: Collection[UUID], merchant_id: UUID | None = None
) -> dict[Whose, tuple[StatedTax, ...]]:
    """Return the VAT that statements of some windows tell, in the order in which they tell it.

    Of all merchants or of one; who pays none is left out.
    """
    found: defaultdict[Whose, list[StatedTax]] = defaultdict(list)
    rows = session.execute(
        _TAXES,
        {"windows": list(windows), "kinds": sorted(VAT_KINDS), "merchant_id": merchant_id},
    )
    for row in rows:
        found[Whose(row.window_id, row.payer_id, row.currency)].append(
            StatedTax(
                direction=row.direction,
                kind=row.kind,
                fee=row.taxed,
                rate=row.vat_rate,
                price=row.price,
                points=row.points,
                amount=row.amount,
            )
        )
    return {whose: tuple(stated) for whose, stated in found.items()}


def of_window(
    session: Session, *, window_id: UUID
) -> dict[tuple[UUID, str], tuple[StatedTax, ...]]:
    """Return the VAT that a window's statements tell, by merchant and currency."""
    found = taxes(session, windows=[window_id])
    return {(whose.merchant_id, whose.currency): stated for whose, stated in found.items()}
