"""Rate limits kept in the process: for addresses that fail, and while Valkey is away."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import monotonic

from merchant_gateway.errors import RateLimitedError

ADDRESS = "address"
"""The quota of addresses that fail, by its name in the headers."""

_ROUNDING = 1e-6
"""What floating point may take off a whole request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one merchant, and one address that fails to authenticate, may ask.

    A merchant may send ``merchant_quota`` requests in any ``merchant_window`` seconds, over all
    processes; with test keys, which a stranger has for the asking, ``test_quota`` that count on
    their own. ``address_failures`` are counted per process, line (an IPv6 one is a /64) and minute:
    a till with a wrong key must not keep the signature checks of everybody busy. A sandbox of more
    than ``sandbox_bytes`` takes nothing new.
    """

    merchant_quota: int = 60_000
    merchant_window: int = 60
    test_quota: int = 300
    test_window: int = 60
    address_failures: int = 120
    address_window: int = 60
    sandbox_bytes: int = 256 * 1024 * 1024
    policy: str = field(init=False)
    """The ``RateLimit-Policy`` header (draft-ietf-httpapi-ratelimit-headers)."""

    def __post_init__(self) -> None:
        quotas = (
            ("merchant", self.merchant_quota, self.merchant_window),
            ("test", self.test_quota, self.test_window),
            (ADDRESS, self.address_failures, self.address_window),
        )
        policy = ", ".join(f'"{name}";q={quota};w={window}' for name, quota, window in quotas)
        object.__setattr__(self, "policy", policy)


class LocalRate:
    """A leaky bucket per name (generic cell rate algorithm), bounded in how many names it keeps."""

    def __init__(self, *, quota: int, window: int, size: int = 10_000) -> None:
        self._interval = window / quota
        self._window = float(window)
        self._size = size
        self._due: dict[str, float] = {}

    def wait(self, name: str) -> int:
        """Return for how many seconds ``name`` has to wait, 0 for not at all; takes nothing."""
        ahead = self._due.get(name, 0.0) + self._interval - monotonic() - self._window
        return max(0, math.ceil(ahead))

    def take(self, name: str) -> tuple[int, int]:
        """Count one request of ``name``; return what is left, and the seconds until all is."""
        moment = monotonic()
        if len(self._due) >= self._size:
            self._forget(moment)
        due = max(self._due.get(name, 0.0), moment) + self._interval
        self._due[name] = due
        ahead = due - moment
        left = (self._window - ahead) / self._interval
        return max(0, int(left + _ROUNDING)), math.ceil(ahead)

    def attempt(self, line: str) -> None:
        """Count one attempt of whoever asks from ``line``; raises RateLimitedError."""
        if wait := self.wait(line):
            raise RateLimitedError(retry_after=wait)
        self.take(line)

    def _forget(self, moment: float) -> None:
        self._due = {name: due for name, due in list(self._due.items()) if due > moment}
        if len(self._due) >= self._size:
            self._due.clear()
