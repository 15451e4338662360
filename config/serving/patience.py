"""How long a front waits for its clients, and how much it keeps for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

MOST_KEPT_BYTES = 64 * 1024
"""What is read of a request before a thread answers it; anything larger is large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Limits in seconds, and the speed that large bodies and answers must keep.

    ``whole``: so long after its first byte a request may take to arrive, its large body excepted.
    ``silent``: so long a client may send nothing of a large body.
    ``unread``: so long an answer may take to be taken.
    ``ending``: so long a client has to close its side.
    ``tick``: how often deadlines are looked at.
    ``yielding``: so long a new client may wait for a process that has fewer connections.
    ``least_rate``: bytes per second. What is large may take longer than said above, but only as
    much longer as it takes at this speed; otherwise a byte now and then would do.
    ``most_unsent``: bytes of an answer that wait for a client before its thread waits too, until
    no more than so many are left.
    """

    whole: float = 20.0
    silent: float = 10.0
    unread: float = 30.0
    ending: float = 1.0
    tick: float = 1.0
    yielding: float = 0.02
    least_rate: int = 16 * 1024
    most_unsent: int = 4 * 1024 * 1024

    def arriving(self, taken: int) -> float:
        """Return the seconds that a large request may have taken by its ``taken``-th byte."""
        return self.whole + taken / self.least_rate

    def leaving(self, size: int) -> float:
        """Return the seconds in which a client must have taken ``size`` bytes.

        While a thread waits: the seconds for which it may have waited once so many are taken.
        """
        return self.unread + size / self.least_rate


def poll_milliseconds(seconds: float) -> int:
    """Return the time to wait for as ``poll`` takes it: never none while something is left."""
    return max(0, math.ceil(seconds * 1_000))
