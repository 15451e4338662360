"""Limits and standings by hand, and what holds for all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.exposure.limits import (
    Exposure,
    Lapsing,
    Releasing,
    price_of,
    release_schedule,
)

PLAIN = Exposure(points=80, outstanding=80_000, unsettled=0, cap=100_000, deposit=0, reserve=0)
AMOUNTS = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("changes", "standing", "percent", "limit"),
    [
        ({"outstanding": 79_999}, "within", 79, 100_000),
        ({}, "near", 80, 100_000),
        ({"unsettled": 19_999}, "near", 99, 100_000),
        ({"unsettled": 20_000}, "full", 100, 100_000),
        ({"unsettled": 20_000, "deposit": 30_000}, "within", 76, 130_000),
        ({"unsettled": 20_000, "reserve": 25_000}, "near", 80, 125_000),
        ({"cap": None, "unsettled": 10**15}, "within", None, None),
        ({"cap": 0}, "full", None, 0),
        # A deposit that was used beyond itself leaves less than the cap, never less than nothing.
        ({"deposit": -100_001}, "full", None, 0),
    ],
)
def test_standing(
    changes: dict[str, int | None], standing: str, percent: int | None, limit: int | None
) -> None:
    found = replace(PLAIN, **changes)  # type: ignore[arg-type]
    assert (found.standing, found.percent, found.limit) == (standing, percent, limit)


def test_prices_add_up_before_they_are_rounded_up() -> None:
    # 3 × 1010.5 + 1 × 0.1 = 3031.6
    assert price_of({Decimal("1010.5"): 3, Decimal("0.1"): 1}) == 3032
    assert price_of({}) == 0


def test_who_leaves_has_no_credit_any_more() -> None:
    found = replace(PLAIN, deposit=50_000, reserve=40_000)
    assert found.releasable(leaving=False) == 90_000
    assert found.releasable(leaving=True) == 10_000
    assert replace(found, outstanding=0).releasable(leaving=True) == 90_000


EXPOSURES = st.builds(
    Exposure,
    points=st.just(0),
    outstanding=AMOUNTS,
    unsettled=AMOUNTS,
    cap=st.none() | AMOUNTS,
    deposit=AMOUNTS,
    reserve=AMOUNTS,
)


@given(EXPOSURES, st.sampled_from(["stays", "leaves"]))
def test_what_is_released_uncovers_nothing(found: Exposure, what: str) -> None:
    leaving = what == "leaves"
    free = found.releasable(leaving=leaving)
    assert 0 <= free <= found.cover
    after = replace(found, deposit=found.cover - free, reserve=0)
    if free and leaving:
        assert after.cover >= after.amount
    elif free and found.cap is not None:
        assert after.limit is not None
        assert after.amount <= after.limit


def test_a_leaving_merchant_s_cover_comes_free_as_its_points_expire() -> None:
    found = replace(PLAIN, outstanding=60, unsettled=10, deposit=30, reserve=50)
    months = [date(2026, 12, 1), date(2027, 1, 1), date(2027, 3, 1)]
    lapsing = [
        Lapsing(month=month, points=points, cost=cost)
        for month, points, cost in zip(months, (5, 4, 3), (20, 30, 10), strict=True)
    ]
    # 80 held, 70 needed: 10 are free now. The last 10 stay for what it owes.
    assert release_schedule(found, lapsing=lapsing[::-1]) == [
        Releasing(month=months[0], points=5, frees=20, stays=50),
        Releasing(month=months[1], points=4, frees=30, stays=20),
        Releasing(month=months[2], points=3, frees=10, stays=10),
    ]
    short = replace(found, deposit=0, reserve=25)
    assert [each.frees for each in release_schedule(short, lapsing=lapsing)] == [0, 5, 10]


@given(EXPOSURES, st.lists(st.integers(0, 10**9), max_size=6))
def test_a_schedule_frees_all_but_what_is_owed(found: Exposure, costs: list[int]) -> None:
    lapsing = [
        Lapsing(month=date(2027, 1 + place, 1), points=cost, cost=cost)
        for place, cost in enumerate(costs)
    ]
    rows = release_schedule(found, lapsing=lapsing)
    now = max(0, found.cover - found.unsettled - sum(costs))
    for row in rows:
        assert row.frees >= 0
        now += row.frees
        assert now + row.stays == found.cover
    assert not rows or now == max(0, found.cover - found.unsettled)
