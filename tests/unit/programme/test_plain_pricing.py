"""Plain purchases are priced and explained as the rules do it, to the letter."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from network.points import MAX_AMOUNT
from network.programme.explain import explanation_json
from network.programme.plain_pricing import PlainPricing
from network.programme.rules import EarningTerms, Line, Purchase, price_purchase

DAY = date(2026, 3, 21)
NAMES = ["نان", 'a "b" \\ %d', "tea", "milk"]
RATES = st.builds(Fraction, st.integers(0, 40), st.integers(1, 90_000))
LINES = st.lists(
    st.fixed_dictionaries(
        {"amount": st.integers(0, 3_000_000)},
        optional={"category": st.sampled_from([*NAMES, "other"]), "sku": st.just("s")},
    ),
    max_size=6,
)


def terms_with(
    base: Fraction, rates: dict[str, Fraction], *, minimum: int = 0, pending: int = 0
) -> EarningTerms:
    return EarningTerms(
        earning_terms_id=UUID(int=1),
        merchant_id=UUID(int=2),
        effective_from=DAY,
        base_rate=base,
        category_rates=rates,
        pending_days=pending,
        expiry_days=365,
        minimum_amount=minimum,
    )


@given(
    base=RATES,
    rates=st.dictionaries(st.sampled_from(NAMES), RATES),
    minimum=st.sampled_from([0, 1, 500_000]),
    pending=st.sampled_from([0, 3]),
    lines=LINES,
    alone=st.integers(1, 5_000_000),
)
def test_it_says_what_the_rules_say(
    base: Fraction,
    rates: dict[str, Fraction],
    minimum: int,
    pending: int,
    lines: list[dict[str, Any]],
    alone: int,
) -> None:
    terms = terms_with(base, rates, minimum=minimum, pending=pending)
    amount = sum(line["amount"] for line in lines) or alone
    if lines and amount == alone:
        lines[0]["amount"] = alone
    found = PlainPricing(terms=terms, day=DAY).price(amount=amount, lines=lines)
    if amount < minimum:
        assert found is None
        return
    assert found is not None
    purchase = Purchase(amount=amount, lines=tuple(Line(**line) for line in lines))
    quote = price_purchase(purchase=purchase, terms=terms, day=DAY)
    assert found.points == [line.points for line in quote.lines]
    assert found.bases == [line.amount for line in quote.lines]
    assert found.explanation == json.dumps(
        explanation_json(quote.explanation), ensure_ascii=False, separators=(",", ":")
    )


def test_what_the_rules_refuse_is_left_to_them() -> None:
    pricing = PlainPricing(terms=terms_with(Fraction(2), {}, minimum=10), day=DAY)
    refused: list[tuple[int, list[dict[str, Any]]]] = [
        (9, []),  # below the minimum
        (100, [{"amount": 99}]),
        (100, [{"amount": 101}, {"amount": -1}]),
        (MAX_AMOUNT + 1, []),
        (MAX_AMOUNT, []),  # two points for each: too many
        (1_001, [{"amount": 1}] * 1_001),
    ]
    for amount, lines in refused:
        assert pricing.price(amount=amount, lines=lines) is None
    found = pricing.price(amount=10, lines=[])
    assert found is not None
    assert found.points == [20]
