"""Rounding and spreading: exact, and the parts always add up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.errors import InvariantError
from network.points import (
    largest_remainder,
    points_for_amount,
    price_amount,
    round_half_even,
    worth,
)

fractions = st.fractions(min_value=0, max_value=10**6)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("1/2", 0), ("3/2", 2), ("5/2", 2), ("-1/2", 0), ("-3/2", -2), ("7/10", 1)],
)
def test_halves_go_to_the_even_neighbour(value: str, rounded: int) -> None:
    assert round_half_even(Fraction(value)) == rounded


def test_a_price_is_applied_once_and_rounded_once() -> None:
    # 3 × 9.8765 = 29.6295 → 30; three times 9.8765 rounded alone would give 10 + 10 + 10.
    assert price_amount(points=3, price=Decimal("9.8765")) == 30
    assert price_amount(points=-3, price=Decimal("9.8765")) == -30


@given(st.integers(1, 10**12), st.fractions(min_value="1/1000", max_value=10**6))
def test_points_for_an_amount_are_worth_it_and_one_fewer_is_not(
    amount: int, face_value: Fraction
) -> None:
    points = points_for_amount(amount=amount, face_value=face_value)
    assert points * face_value >= amount
    assert (points - 1) * face_value < amount


@given(st.integers(0, 10**12), st.fractions(min_value="1/1000", max_value=10**6))
def test_what_points_are_worth_never_promises_more_than_they_bring(
    points: int, face_value: Fraction
) -> None:
    assert 0 <= points * face_value - worth(points=points, face_value=face_value) < 1


@given(st.integers(-(10**9), 10**9), st.lists(fractions, min_size=1, max_size=12))
def test_shares_add_up_and_lie_within_one_unit(total: int, weights: list[Fraction]) -> None:
    if sum(weights) == 0:
        weights = [*weights, Fraction(1)]
    shares = largest_remainder(total=total, weights=weights)
    whole = sum(weights)
    assert sum(shares) == total
    assert all(
        abs(share - total * weight / whole) < 1
        for share, weight in zip(shares, weights, strict=True)
    )


def test_ties_go_to_the_earlier_position() -> None:
    assert largest_remainder(total=2, weights=[Fraction(1)] * 3) == [1, 1, 0]
    # Floors towards minus infinity: −2/3 → −1 each, then one unit is given back to the first.
    assert largest_remainder(total=-2, weights=[Fraction(1)] * 3) == [0, -1, -1]


def test_nothing_can_be_spread_over_nothing() -> None:
    assert largest_remainder(total=0, weights=[Fraction(0)]) == [0]
    with pytest.raises(InvariantError):
        largest_remainder(total=1, weights=[Fraction(0)])
