"""What a statement tells of VAT, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedTax:
    """VAT of one kind on a statement: points × the fee per point that it falls on, and its rate.

    ``price`` is the VAT per point, fee × rate rounded to ten places, as on its lines; ``amount`` is
    what the merchant pays, minor units, from its balance (``vat``) or its ``deposit``. What was
    undone has points and amount below zero.
    """

    direction: Literal["vat", "deposit"]
    kind: str
    fee: Decimal
    rate: Decimal
    price: Decimal
    points: int
    amount: int

    @property
    def base(self) -> Decimal:
        """Return what the tax falls on, minor units before rounding."""
        return self.points * self.fee
