"""How many attempts an endpoint may have under way: more while it answers well, one once it fails.

So a slow receiver holds up its own events and nobody else's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

FIRST = 8
MOST = 64


@dataclass(slots=True)
class _Room:
    most: int = FIRST
    taken: int = 0

    @property
    def free(self) -> int:
        """Return what may be begun now: nothing until half the room is free, to claim in bulk."""
        return self.most - self.taken if self.taken <= self.most // 2 else 0


@dataclass(slots=True)
class Rooms:
    """The room of each endpoint that this job has met."""

    first: int = FIRST
    _by_endpoint: dict[UUID, _Room] = field(default_factory=dict)

    @property
    def any_free(self) -> bool:
        """Return whether an endpoint that was met has room."""
        return any(room.free for room in self._by_endpoint.values())

    def free(self) -> dict[UUID, int]:
        """Return the room of every endpoint that was met."""
        return {key: room.free for key, room in self._by_endpoint.items()}

    def take(self, endpoint_id: UUID) -> None:
        """Count an attempt as begun."""
        self._by_endpoint.setdefault(endpoint_id, _Room(self.first)).taken += 1

    def give_back(self, endpoint_id: UUID, *, delivered: bool) -> bool:
        """Count an attempt as ended; return whether the endpoint has room now."""
        room = self._by_endpoint[endpoint_id]
        room.taken -= 1
        room.most = min(MOST, room.most + 1) if delivered else 1
        return room.free > 0
