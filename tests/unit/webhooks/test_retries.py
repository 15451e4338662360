"""When a delivery is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.webhooks.posting import TIMEOUT_SECONDS
from network.events.webhooks.deliveries import LEASE
from network.events.webhooks.retries import ATTEMPTS, PAUSES, pause_after


def test_ten_attempts_take_three_days() -> None:
    assert ATTEMPTS == 10
    assert sum(PAUSES, timedelta()) == timedelta(hours=71, minutes=35, seconds=5)
    longest = sum((pause_after(n, chance=1.0) or timedelta() for n in range(1, 10)), timedelta())
    shortest = sum((pause_after(n, chance=0.0) or timedelta() for n in range(1, 10)), timedelta())
    assert timedelta(days=2.5) < shortest < longest < timedelta(days=3.5)
    assert list(PAUSES) == sorted(PAUSES)


def test_the_tenth_failure_is_the_last() -> None:
    assert pause_after(9, chance=0.5) == timedelta(hours=24)
    assert pause_after(10, chance=0.5) is None


@pytest.mark.parametrize("failures", range(1, 10))
def test_jitter_parts_what_failed_together(failures: int) -> None:
    planned = PAUSES[failures - 1]
    assert pause_after(failures, chance=0.0) == planned * 0.9
    assert pause_after(failures, chance=0.5) == planned
    assert pause_after(failures, chance=1.0) == planned * 1.1


def test_what_the_receiver_asks_for_makes_a_pause_longer_only() -> None:
    hour = timedelta(hours=1)
    assert pause_after(1, chance=0.5, asked=hour) == hour
    assert pause_after(9, chance=0.5, asked=hour) == timedelta(hours=24)
    assert pause_after(1, chance=0.5, asked=timedelta(days=400)) == timedelta(hours=24)
    assert pause_after(1, chance=0.5, asked=timedelta(0)) == timedelta(seconds=5)
    assert pause_after(10, chance=0.5, asked=hour) is None


def test_an_attempt_is_over_long_before_its_lease() -> None:
    assert LEASE.total_seconds() > 2 * TIMEOUT_SECONDS
