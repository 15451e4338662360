"""What an issuer stands to owe, and what it may. Pure; amounts are minor units of one currency.

exposure = what it owes and has not paid + its outstanding points × the price p on them, but for
points whose money lies in the pool; limit = cap + deposit + reserve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

WARN_PERCENT = 80
Standing = Literal["within", "near", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """An issuer's exposure beside its limit.

    ``points`` are outstanding ones that it has yet to pay for, ``outstanding`` their price,
    ``unsettled`` what it owes already. ``cap`` is ``None`` where its agreement names none; then
    nothing bounds it.
    """

    points: int
    outstanding: int
    unsettled: int
    cap: int | None
    deposit: int
    reserve: int

    @property
    def amount(self) -> int:
        """Return the exposure."""
        return self.outstanding + self.unsettled

    @property
    def cover(self) -> int:
        """Return what the network holds of the issuer's money: deposit and reserve."""
        return self.deposit + self.reserve

    @property
    def limit(self) -> int | None:
        """Return the limit, never below zero; ``None`` where there is none."""
        return None if self.cap is None else max(0, self.cap + self.cover)

    @property
    def standing(self) -> Standing:
        """Return whether the limit is reached (``full``), or four fifths of it (``near``)."""
        limit = self.limit
        if limit is None:
            return "within"
        if self.amount >= limit:
            return "full"
        return "near" if self.amount * 100 >= limit * WARN_PERCENT else "within"

    @property
    def percent(self) -> int | None:
        """Return how much of the limit is used, rounded down; ``None`` without a limit above 0."""
        return self.amount * 100 // self.limit if self.limit else None

    def releasable(self, *, leaving: bool) -> int:
        """Return what of deposit and reserve can go back without uncovering anything.

        Who leaves has no credit any more: its points stay funded by what the network holds, and
        that is freed as they are taken or expire.
        """
        if leaving:
            return max(0, self.cover - self.amount)
        if self.limit is None:
            return max(0, self.cover)
        return max(0, min(self.cover, self.limit - self.amount))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsing:
    """Points of an issuer that expire in a month, unless they are taken before, and their price.

    ``cost`` leaves out points whose money lies in the pool: no cover stands for them.
    """

    month: date
    points: int
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Releasing:
    """What of a leaving merchant's cover comes free by the end of a month, and what stays.

    ``frees`` adds to what was free before. Points that are taken free theirs when their window is
    paid: mostly earlier, later where a payment of theirs is still under way then.
    """

    month: date
    points: int
    frees: int
    stays: int


def release_schedule(found: Exposure, *, lapsing: Sequence[Lapsing]) -> list[Releasing]:
    """Return when the cover of a merchant that leaves comes free, by month, if all is paid by then.

    Deposit and reserve stay for what is owed and for the points that are still out; each month's
    points need nothing any more once they have expired. What is free already stands in no row.
    """
    needed = found.unsettled + sum(each.cost for each in lapsing)
    free = max(0, found.cover - needed)
    rows = []
    for each in sorted(lapsing, key=lambda one: one.month):
        needed -= each.cost
        now = max(0, found.cover - needed)
        rows.append(
            Releasing(
                month=each.month,
                points=each.points,
                frees=now - free,
                stays=max(0, found.cover) - now,
            )
        )
        free = now
    return rows


def price_of(sums: dict[Decimal, int]) -> int:
    """Return what points cost by their prices, rounded up: the network never reckons too little."""
    return math.ceil(sum((points * Fraction(price) for price, points in sums.items()), Fraction(0)))
