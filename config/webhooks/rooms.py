"""How many attempts an endpoint may have under way: more while it answers well, one once it fails.

So a slow receiver holds up its own events and nobody else's, and all endpoints of one merchant
together leave most of the job to the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

FIRST = 8
MOST = 64
QUICK_SECONDS = 2.0
"""Only who answers within this is given more room: slow answers would fill it with waiting."""


@dataclass(slots=True)
class _Room:
    most: int = FIRST
    taken: int = 0

    @property
    def free(self) -> int:
        """Return what may be begun now: nothing until half the room is free, to claim in bulk."""
        return self.most - self.taken if self.taken <= self.most // 2 else 0


@dataclass(slots=True)
class _Merchant:
    taken: int = 0
    endpoints: int = 0


@dataclass(slots=True)
class Rooms:
    """The room of each endpoint that this job has met, at most ``each_merchant`` for its owner."""

    first: int = FIRST
    each_merchant: int = MOST
    _by_endpoint: dict[UUID, _Room] = field(default_factory=dict)
    _by_merchant: dict[UUID, _Merchant] = field(default_factory=dict)
    _owners: dict[UUID, UUID] = field(default_factory=dict)

    @property
    def any_free(self) -> bool:
        """Return whether an endpoint that was met has room."""
        return any(self._free(endpoint_id) for endpoint_id in self._by_endpoint)

    def free(self) -> dict[UUID, int]:
        """Return the room of every endpoint that was met."""
        return {endpoint_id: self._free(endpoint_id) for endpoint_id in self._by_endpoint}

    def take(self, endpoint_id: UUID, *, merchant_id: UUID) -> None:
        """Count an attempt as begun."""
        merchant = self._by_merchant.setdefault(merchant_id, _Merchant())
        if endpoint_id not in self._by_endpoint:
            self._by_endpoint[endpoint_id] = _Room(self.first)
            self._owners[endpoint_id] = merchant_id
            merchant.endpoints += 1
        self._by_endpoint[endpoint_id].taken += 1
        merchant.taken += 1

    def give_back(self, endpoint_id: UUID, *, delivered: bool, seconds: float) -> bool:
        """Count an attempt that took ``seconds`` as ended; return whether there is room now."""
        room = self._by_endpoint[endpoint_id]
        room.taken -= 1
        self._by_merchant[self._owners[endpoint_id]].taken -= 1
        if not delivered:
            room.most = 1
        elif seconds < QUICK_SECONDS:
            room.most = min(MOST, room.most + 1)
        return self._free(endpoint_id) > 0

    def _free(self, endpoint_id: UUID) -> int:
        """Return what an endpoint may begin: of what is left to its merchant, an even share.

        All its endpoints may be claimed for in one statement, and together must not exceed it.
        """
        merchant = self._by_merchant[self._owners[endpoint_id]]
        share = max(0, self.each_merchant - merchant.taken) // merchant.endpoints
        return min(self._by_endpoint[endpoint_id].free, share)
