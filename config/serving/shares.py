"""How many connections each process of a front has, in memory that all of them see.

All processes listen at one socket, and whoever is awake takes the next client: of eight tills that
call at once, all eight often came to one process, and stayed there while another core was idle.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection

_PLACES = 64
_NOBODY = -1
_SLACK = 8


class Share:
    """What one process says of itself; without a ``place`` it is alone, and never yields."""

    def __init__(self, board: memoryview, place: int | None) -> None:
        self._board, self.place = board, place

    def tell(self, connections: int) -> None:
        """Say how many connections this process has."""
        if self.place is not None:
            self._board[self.place] = connections

    def leave(self) -> None:
        """Say that this process takes nobody any more."""
        self.tell(_NOBODY)

    def above_others(self) -> bool:
        """Return whether another process should take the next client.

        One with fewer connections, by more than an eighth: with many, who has a few more does not
        matter, and taking turns one by one would cost a rush of clients more than it gives.
        """
        if self.place is None:
            return False
        mine = self._board[self.place]
        least = min(each for each in self._board if each != _NOBODY)
        return bool(mine > least + least // _SLACK)


class Board:
    """A place for each process that lives at once; made before they are forked."""

    def __init__(self) -> None:
        self._numbers = memoryview(mmap.mmap(-1, 4 * _PLACES)).cast("i")
        for place in range(_PLACES):
            self._numbers[place] = _NOBODY

    def share(self, others: Collection[Share]) -> Share:
        """Return a share in a place that none of the ``others`` has."""
        taken = {each.place for each in others}
        free = (place for place in range(_PLACES) if place not in taken)
        return Share(self._numbers, next(free, None))


LONE = Share(memoryview(b""), None)
