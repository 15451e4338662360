"""A small cache in the process: bounded, each value for a short time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class BriefCache(Generic[KeyT, ValueT]):
    """Keeps at most ``size`` values, each for ``seconds``.

    Safe between threads: two that miss at once both load, and the later one is kept. A value that
    could not be loaded (the loader raised) is not kept. Nor is one whose loading began before
    something was dropped: it may be older than the reason for that.
    """

    def __init__(self, *, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._values: dict[KeyT, tuple[float, ValueT]] = {}
        self._drops = 0
        self._lock = Lock()

    def get(self, key: KeyT, load: Callable[[], ValueT]) -> ValueT:
        """Return the value of ``key``, loading it where it is missing or too old."""
        held = self._values.get(key)
        moment = monotonic()
        if held is not None and held[0] > moment:
            return held[1]
        drops = self._drops
        value = load()
        with self._lock:
            if self._drops == drops:
                self._keep(key, value, moment)
        return value

    def put(self, key: KeyT, value: ValueT) -> None:
        """Keep a value that came along with something else."""
        self._keep(key, value, monotonic())

    def stale(self, key: KeyT) -> ValueT | None:
        """Return what was last loaded for ``key``, however old, or ``None``."""
        held = self._values.get(key)
        return held[1] if held is not None else None

    def forget(self, key: KeyT) -> None:
        """Drop the value of ``key``."""
        with self._lock:
            self._drops += 1
            self._values.pop(key, None)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._drops += 1
            self._values.clear()

    def _keep(self, key: KeyT, value: ValueT, moment: float) -> None:
        if len(self._values) >= self._size:
            self._make_room(moment)
        self._values[key] = (moment + self._seconds, value)

    def _make_room(self, moment: float) -> None:
        for key, (until, _) in list(self._values.items()):
            if until <= moment:
                self._values.pop(key, None)
        if len(self._values) >= self._size:
            self._values.clear()
