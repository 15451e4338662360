"""Settlement days of each cycle, and the terms that no agreement can have."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.merchants.errors import MerchantDataError
from network.merchants.settling import Settling, checked

MONDAY = date(2026, 3, 23)


def days(settling: Settling, count: int = 14) -> list[int]:
    return [n for n in range(count) if settling.settles_on(MONDAY + timedelta(days=n))]


@pytest.mark.parametrize(
    ("settling", "expected"),
    [
        (Settling(), list(range(14))),
        (Settling(holidays=(MONDAY, MONDAY + timedelta(days=3))), [1, 2, *range(4, 14)]),
        (Settling(cycle="weekly", weekday=1), [0, 7]),
        (Settling(cycle="weekly", weekday=3), [2, 9]),
        # A holiday moves the week's payment on, over further holidays if need be.
        (Settling(cycle="weekly", weekday=1, holidays=(MONDAY,)), [1, 7]),
        (
            Settling(
                cycle="weekly",
                weekday=1,
                holidays=tuple(MONDAY + timedelta(days=n) for n in (0, 1)),
            ),
            [2, 7],
        ),
        (
            Settling(
                cycle="weekly",
                weekday=1,
                holidays=tuple(MONDAY + timedelta(days=n) for n in range(7)),
            ),
            [7],
        ),
        (Settling(cycle="calendar", days=(MONDAY + timedelta(days=5),)), [5]),
        (
            Settling(
                cycle="calendar",
                days=(MONDAY + timedelta(days=5),),
                holidays=(MONDAY + timedelta(days=5),),
            ),
            [],
        ),
    ],
)
def test_which_days_are_paid(settling: Settling, expected: list[int]) -> None:
    assert days(checked(settling)) == expected


@given(st.integers(1, 7), st.sets(st.integers(0, 60), max_size=6))
def test_a_week_is_paid_once_unless_it_is_all_holidays(weekday: int, holidays: set[int]) -> None:
    settling = Settling(
        cycle="weekly",
        weekday=weekday,
        holidays=tuple(MONDAY + timedelta(days=n) for n in sorted(holidays)),
    )
    start = MONDAY + timedelta(days=weekday - 1)
    for week in range(8):
        week_days = [start + timedelta(days=7 * week + n) for n in range(7)]
        paid = [day for day in week_days if settling.settles_on(day)]
        assert len(paid) == 1
        assert settling.next_day(after=week_days[0] - timedelta(days=1)) == paid[0]


def test_a_calendar_that_ran_out_has_no_next_day() -> None:
    settling = Settling(cycle="calendar", days=(MONDAY,))
    assert settling.next_day(after=MONDAY - timedelta(days=9)) == MONDAY
    assert settling.next_day(after=MONDAY) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cap": -1}, "credit_cap"),
        ({"cycle": "yearly"}, "settlement_cycle"),
        ({"cycle": "weekly"}, "settlement_weekday"),
        ({"weekday": 3}, "settlement_weekday"),
        ({"cycle": "weekly", "weekday": 8}, "settlement_weekday"),
        ({"cycle": "calendar"}, "settlement_days"),
        ({"days": (MONDAY,)}, "settlement_days"),
        ({"minimum": -1}, "minimum_payment"),
        ({"mandate_id": "M"}, "mandate_id"),
        ({"mandate_id": "م", "mandate_signed_on": MONDAY}, "mandate_id"),
        ({"mandate_id": "M" * 36, "mandate_signed_on": MONDAY}, "mandate_id"),
    ],
)
def test_what_no_agreement_can_say(changes: dict[str, object], field: str) -> None:
    with pytest.raises(MerchantDataError) as refused:
        checked(replace(Settling(), **changes))  # type: ignore[arg-type]
    assert refused.value.field == field
