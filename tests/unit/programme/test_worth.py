"""Paying an amount with points: rounded up, never above the limit."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.points import MAX_AMOUNT, worth
from network.programme.worth import (
    AboveLimitError,
    GivenBack,
    WorthOutOfRangeError,
    points_back,
    points_to_pay,
)

amounts = st.integers(min_value=1, max_value=10**15)
values = st.fractions(min_value=Fraction(1, 1000), max_value=10**6, max_denominator=10**6)


@given(amount=amounts, value=values)
def test_the_least_points_that_cover_the_amount(amount: int, value: Fraction) -> None:
    points = points_to_pay(amount=amount, face_value=value)
    assert (points - 1) * value < amount <= points * value
    assert worth(points=points, face_value=value) >= amount or value.denominator > 1


def test_rounding_up_does_not_cross_the_limit() -> None:
    assert points_to_pay(amount=104_500, face_value=Fraction(1000), limit=105) == 105
    with pytest.raises(AboveLimitError) as refused:
        points_to_pay(amount=104_500, face_value=Fraction(1000), limit=104)
    assert refused.value.facts == {"points": 105, "limit": 104}


@pytest.mark.parametrize("amount", [0, -5, MAX_AMOUNT + 1])
def test_amounts_out_of_range(amount: int) -> None:
    with pytest.raises(WorthOutOfRangeError):
        points_to_pay(amount=amount, face_value=Fraction(1000))


def test_points_beyond_a_wallet() -> None:
    with pytest.raises(WorthOutOfRangeError):
        points_to_pay(amount=MAX_AMOUNT, face_value=Fraction(1, 2))


@given(amount=amounts, value=values)
def test_refunding_all_that_was_paid_gives_back_every_point(amount: int, value: Fraction) -> None:
    paid = points_to_pay(amount=amount, face_value=value)
    assert points_back(amount=amount, face_value=value, remaining=paid) == paid
    assert points_back(amount=amount, face_value=value, remaining=1) == 1


@given(
    amounts=st.lists(st.integers(min_value=1, max_value=10**6), min_size=1, max_size=12),
    value=values,
)
def test_refunds_give_back_what_one_of_all_would(amounts: list[int], value: Fraction) -> None:
    paid = points_to_pay(amount=sum(amounts), face_value=value)
    before: list[GivenBack] = []
    for amount in amounts:
        points = points_back(amount=amount, face_value=value, remaining=paid, before=before)
        before.append(GivenBack(amount=amount, points=points, face_value=value))
        so_far = sum(each.amount for each in before)
        assert sum(each.points for each in before) == points_to_pay(amount=so_far, face_value=value)


def test_what_rounding_gave_too_much_counts_at_its_value_of_then() -> None:
    before = [GivenBack(amount=100, points=1, face_value=Fraction(1000))]  # 900 rials ahead
    assert points_back(amount=900, face_value=Fraction(500), remaining=9, before=before) == 0
    assert points_back(amount=901, face_value=Fraction(500), remaining=9, before=before) == 1
    assert points_back(amount=1901, face_value=Fraction(500), remaining=9, before=before) == 3
