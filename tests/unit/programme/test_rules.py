"""What a purchase earns, by hand-worked cases and by properties."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.points import MAX_AMOUNT
from network.programme.rules import (
    AmountOutOfRangeError,
    EarnedOutOfRangeError,
    EarningTerms,
    Line,
    LinesDoNotSumError,
    Purchase,
    Quote,
    TooManyLinesError,
    price_purchase,
)

DAY = date(2026, 11, 22)
CATEGORIES = ("produce", "bread", "tobacco")


def terms(
    base: str = "1/45000",
    *,
    rates: dict[str, str] | None = None,
    pending_days: int = 0,
    minimum_amount: int = 0,
) -> EarningTerms:
    return EarningTerms(
        earning_terms_id=UUID(int=1),
        merchant_id=UUID(int=2),
        effective_from=DAY,
        base_rate=Fraction(base),
        category_rates={name: Fraction(rate) for name, rate in (rates or {}).items()},
        pending_days=pending_days,
        expiry_days=180,
        minimum_amount=minimum_amount,
    )


def basket(*lines: tuple[str | None, int]) -> Purchase:
    return Purchase(
        amount=sum(amount for _, amount in lines),
        lines=tuple(Line(category=category, amount=amount) for category, amount in lines),
    )


def price(purchase: Purchase, by: EarningTerms) -> Quote:
    return price_purchase(purchase=purchase, terms=by, day=DAY)


def reasons(quote: Quote) -> list[tuple[str, bool, str, int]]:
    return [(step.rule, step.fired, step.reason, step.points) for step in quote.explanation]


def test_base_rate_without_lines() -> None:
    quote = price(Purchase(amount=100_000), terms())
    assert (quote.points, quote.state) == (2, "available")
    assert [(line.line, line.category, line.points) for line in quote.lines] == [(0, None, 2)]
    assert (quote.active_from, quote.expires_on) == (DAY, date(2027, 5, 21))
    assert reasons(quote) == [
        ("base", True, "rate", 2),
        ("rounding", True, "floor_per_line", 0),
        ("pending", False, "at_once", 0),
        ("expiry", True, "lapses", 0),
    ]


def test_a_category_replaces_the_base_rate_and_each_line_is_floored_once() -> None:
    by = terms(rates={"produce": "1/20000", "tobacco": "0", "bread": "1/1000"})
    quote = price(
        basket(("produce", 39_999), ("produce", 39_999), ("soap", 89_999), ("tobacco", 50_000)), by
    )
    assert [line.points for line in quote.lines] == [1, 1, 1, 0]
    assert quote.points == 3
    assert reasons(quote)[:5] == [
        ("base", True, "rate", 1),
        ("category", True, "rate", 2),
        ("category", True, "earns_nothing", 0),
        ("category", False, "nothing_of_these", 0),
        ("rounding", True, "floor_per_line", 0),
    ]
    produce = quote.explanation[1]
    assert produce.facts == {
        "category": "produce",
        "rate": "1/20000",
        "amount": 79_998,
        "lines": [0, 1],
    }


def test_pending_points_wait_and_then_live_their_whole_life() -> None:
    quote = price(Purchase(amount=90_000), terms(pending_days=3))
    assert quote.state == "pending"
    assert quote.active_from == date(2026, 11, 25)
    assert quote.expires_on == date(2027, 5, 24)


def test_below_the_minimum_nothing_is_earned_and_says_so() -> None:
    quote = price(Purchase(amount=99_999), terms(pending_days=3, minimum_amount=100_000))
    assert (quote.points, quote.state) == (0, "available")
    assert reasons(quote) == [
        ("minimum", True, "not_reached", 0),
        ("base", False, "below_minimum", 0),
    ]
    assert quote.explanation[0].facts == {"minimum": 100_000, "missing": 1}
    assert price(Purchase(amount=100_000), terms(minimum_amount=100_000)).points == 2


def test_all_lines_with_rates_of_their_own() -> None:
    quote = price(basket(("produce", 40_000)), terms(rates={"produce": "1/20000"}))
    assert reasons(quote)[0] == ("base", False, "categories_cover_all", 0)
    assert ("rounding", False, "nothing_to_round", 0) in reasons(quote)


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1, True, 1.5, "5"])
def test_amounts_that_no_purchase_has(amount: int) -> None:
    with pytest.raises(AmountOutOfRangeError):
        price(Purchase(amount=amount), terms())


def test_lines_that_do_not_sum_are_refused_with_both_figures() -> None:
    purchase = Purchase(amount=10, lines=(Line(amount=4), Line(amount=5)))
    with pytest.raises(LinesDoNotSumError) as refused:
        price(purchase, terms())
    assert refused.value.facts == {"amount": 10, "lines": 9}


def test_a_negative_line_is_refused_by_its_place() -> None:
    with pytest.raises(AmountOutOfRangeError) as refused:
        price(Purchase(amount=5, lines=(Line(amount=6), Line(amount=-1))), terms())
    assert refused.value.field == "lines.1.amount"


def test_too_many_lines() -> None:
    with pytest.raises(TooManyLinesError):
        price(basket(*[(None, 1)] * 1001), terms())


def test_more_points_than_a_wallet_counts() -> None:
    assert price(Purchase(amount=MAX_AMOUNT), terms("1")).points == MAX_AMOUNT
    with pytest.raises(EarnedOutOfRangeError):
        price(Purchase(amount=MAX_AMOUNT), terms("2"))


rates = st.fractions(min_value=0, max_value=Fraction(1, 100), max_denominator=10**6)
baskets = st.lists(
    st.tuples(
        st.sampled_from((*CATEGORIES, None, "other")), st.integers(min_value=0, max_value=10**9)
    ),
    min_size=1,
    max_size=12,
).filter(lambda lines: sum(amount for _, amount in lines) > 0)
any_terms = st.builds(
    lambda base, own, pending: EarningTerms(
        earning_terms_id=UUID(int=1),
        merchant_id=UUID(int=2),
        effective_from=DAY,
        base_rate=base,
        category_rates=own,
        pending_days=pending,
        expiry_days=30,
    ),
    base=rates,
    own=st.dictionaries(st.sampled_from(CATEGORIES), rates),
    pending=st.integers(min_value=0, max_value=14),
)


@given(lines=baskets, by=any_terms)
def test_points_are_the_sum_of_lines_and_of_steps_each_floored_once(
    lines: list[tuple[str | None, int]], by: EarningTerms
) -> None:
    quote = price(basket(*lines), by)
    assert quote.points == sum(line.points for line in quote.lines)
    assert quote.points == sum(step.points for step in quote.explanation)
    assert sum(line.amount for line in quote.lines) == sum(amount for _, amount in lines)
    exact = Fraction(0)
    for (category, amount), line in zip(lines, quote.lines, strict=True):
        rate = by.category_rates.get(category or "", by.base_rate)
        assert 0 <= amount * rate - line.points < 1
        exact += amount * rate
    assert 0 <= exact - quote.points < len(lines)
    assert quote.active_from <= quote.expires_on


@given(lines=baskets, by=any_terms, place=st.integers(0, 11), more=st.integers(0, 10**9))
def test_paying_more_never_earns_less(
    lines: list[tuple[str | None, int]], by: EarningTerms, place: int, more: int
) -> None:
    place %= len(lines)
    category, amount = lines[place]
    dearer = [*lines[:place], (category, amount + more), *lines[place + 1 :]]
    assert price(basket(*dearer), by).points >= price(basket(*lines), by).points


@given(lines=baskets, by=any_terms)
def test_fired_steps_name_each_line_once(
    lines: list[tuple[str | None, int]], by: EarningTerms
) -> None:
    quote = price(basket(*lines), by)
    named = [
        position
        for step in quote.explanation
        if step.rule in {"base", "category"} and step.fired
        for position in step.facts["lines"]
    ]
    assert sorted(named) == list(range(len(lines)))
