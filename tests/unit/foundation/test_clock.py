"""The business day of Asia/Tehran, across the shifts it used to have."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from network.clock import day_start, local_date
from network.errors import InvariantError
from network.settings import PROGRAMME_ZONE


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        # The IANA time zone database: the last Iranian shifts were in 2022, none since.
        (date(2022, 3, 22), 23),
        (date(2022, 9, 21), 25),
        (date(2023, 3, 22), 24),
        (date(2026, 11, 21), 24),
    ],
)
def test_a_day_is_as_long_as_the_zone_says(day: date, hours: int) -> None:
    start, end = (day_start(each, zone=PROGRAMME_ZONE) for each in (day, day + timedelta(days=1)))
    assert end - start == timedelta(hours=hours)


def test_a_day_without_midnight_begins_with_its_first_instant() -> None:
    # On 2022-03-22 the clock went from 00:00 to 01:00.
    start = day_start(date(2022, 3, 22), zone=PROGRAMME_ZONE)
    assert start == datetime(2022, 3, 21, 20, 30, tzinfo=UTC)
    assert local_date(start, zone=PROGRAMME_ZONE) == date(2022, 3, 22)
    assert local_date(start - timedelta(microseconds=1), zone=PROGRAMME_ZONE) == date(2022, 3, 21)


def test_days_follow_each_other_without_gap_or_overlap() -> None:
    day = date(2022, 1, 1)
    while day < date(2023, 1, 1):
        start = day_start(day, zone=PROGRAMME_ZONE)
        assert local_date(start, zone=PROGRAMME_ZONE) == day
        before = start - timedelta(microseconds=1)
        assert local_date(before, zone=PROGRAMME_ZONE) == day - timedelta(days=1)
        day += timedelta(days=1)


def test_a_naive_time_is_a_defect() -> None:
    with pytest.raises(InvariantError):
        local_date(datetime(2026, 1, 1), zone=PROGRAMME_ZONE)  # noqa: DTZ001
