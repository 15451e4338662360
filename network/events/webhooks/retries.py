"""When a delivery is tried again: ten attempts over three days, with jitter."""

from __future__ import annotations

from datetime import timedelta

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The pauses after the first failed attempt, the second, and so on; 71.6 hours in all."""

ATTEMPTS = len(PAUSES) + 1
JITTER = 0.1
"""By at most this part a pause is longer or shorter, so that what failed together parts ways."""

LONGEST_ASKED = timedelta(hours=24)


def pause_after(
    failures: int, *, chance: float, asked: timedelta | None = None
) -> timedelta | None:
    """Return how long to wait after the given number of failures, None when it was the last one.

    ``chance`` from 0 to 1 draws the jitter. ``asked`` is what the receiver wanted (Retry-After,
    RFC 9110 section 10.2.3): it makes a pause longer, up to a day, never shorter.
    """
    if failures > len(PAUSES):
        return None
    planned = PAUSES[failures - 1] * (1 + JITTER * (2 * chance - 1))
    if asked is None:
        return planned
    return max(planned, min(asked, LONGEST_ASKED))
