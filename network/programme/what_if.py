"""What other terms would come to: pure, a purchase priced by both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from network.programme.rules import EarningTerms, Line, Purchase, price_purchase

EXAMPLE_AMOUNT = 1_000_000
"""Minor units of the purchase by which terms are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Points that a purchase earns by the terms of before (``None``: there were none) and of after.

    ``category`` is that of all it consists of, ``None`` for the base rate.
    """

    category: str | None
    before: int | None
    after: int


def compare(
    *, before: EarningTerms | None, after: EarningTerms, amount: int = EXAMPLE_AMOUNT
) -> list[Compared]:
    """Price a purchase of ``amount`` by both terms, at the base rate and in each named category."""
    named = set(after.category_rates) | set(before.category_rates if before else ())
    categories: list[str | None] = [None, *sorted(named)]
    return [
        Compared(
            category=each,
            before=None if before is None else _points(before, each, amount),
            after=_points(after, each, amount),
        )
        for each in categories
    ]


def _points(terms: EarningTerms, category: str | None, amount: int) -> int:
    purchase = Purchase(amount=amount, lines=(Line(amount=amount, category=category),))
    return price_purchase(purchase=purchase, terms=terms, day=date.min).points
