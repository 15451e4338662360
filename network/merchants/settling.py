"""When a merchant's balance is paid, and how much it may owe: the money side of an agreement. Pure.

A window covers one business day. The cycle says with which windows' statements a balance is paid:
with each (``daily``), with those of one weekday (``weekly``), or of the days on a list
(``calendar``). On the other days it is carried over, so a closing balance is the next opening
whatever the cycle, and each posting stands in exactly one window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from network.merchants.errors import MerchantDataError
from network.points import MOST_AGREED

Cycle = Literal["daily", "weekly", "calendar"]
CYCLES: tuple[Cycle, ...] = get_args(Cycle)
MOST_DAYS = 400
"""So many days a list may have: more than a year of them."""

_DAYS_IN_WEEK = 7
_LOOK_AHEAD = timedelta(days=MOST_DAYS)
_MANDATE = re.compile(r"[A-Za-z0-9+?/:().,'-][A-Za-z0-9 +?/:().,'-]{0,34}")
# Max35Text of pain.008, in the characters that every bank takes (EPC217-08).


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """What an agreement says about paying; amounts are minor units.

    ``cap`` is what the merchant may owe without a deposit, ``None`` where nothing bounds it.
    ``weekday`` is 1 (Monday) to 7, for the weekly cycle; ``days`` are the settlement days of the
    calendar cycle; on ``holidays`` nothing is paid, and a week's payment moves to the next day that
    is none. A balance below ``minimum`` either way is carried over. With a mandate what the
    merchant owes is collected (pain.008), without one it is awaited.
    """

    cap: int | None = None
    cycle: Cycle = "daily"
    weekday: int | None = None
    days: tuple[date, ...] = ()
    holidays: tuple[date, ...] = ()
    minimum: int = 0
    mandate_id: str | None = None
    mandate_signed_on: date | None = None

    def settles_on(self, day: date) -> bool:
        """Return whether the statement of a business day is one that is paid."""
        if day in self.holidays:
            return False
        if self.cycle == "calendar":
            return day in self.days
        if self.cycle == "daily":
            return True
        due = day
        while due.isoweekday() != self.weekday:
            due -= timedelta(days=1)
            if due not in self.holidays:
                return False
        return True

    def next_day(self, *, after: date) -> date | None:
        """Return the next settlement day after a day, ``None`` where a list has run out."""
        day = after + timedelta(days=1)
        while day - after <= _LOOK_AHEAD:
            if self.settles_on(day):
                return day
            day += timedelta(days=1)
        return None


DEFAULT = Settling()


def checked(settling: Settling) -> Settling:
    """Return the terms, lists sorted; raise MerchantDataError naming the field that can't be."""
    if settling.cap is not None and not 0 <= settling.cap < MOST_AGREED:
        raise MerchantDataError("a cap is not below zero", field="credit_cap")
    if settling.cycle not in CYCLES:
        raise MerchantDataError("there is no such cycle", field="settlement_cycle")
    if (settling.cycle == "weekly") != (settling.weekday is not None) or not (
        settling.weekday is None or 1 <= settling.weekday <= _DAYS_IN_WEEK
    ):
        raise MerchantDataError("a weekly cycle has a weekday", field="settlement_weekday")
    if (settling.cycle == "calendar") != bool(settling.days) or len(settling.days) > MOST_DAYS:
        raise MerchantDataError("a calendar has days, and no other cycle", field="settlement_days")
    if len(settling.holidays) > MOST_DAYS:
        raise MerchantDataError("too many holidays", field="settlement_holidays")
    if not 0 <= settling.minimum < MOST_AGREED:
        raise MerchantDataError("a minimum is not below zero", field="minimum_payment")
    if (settling.mandate_id is None) != (settling.mandate_signed_on is None):
        raise MerchantDataError("a mandate has an id and a date", field="mandate_id")
    if settling.mandate_id is not None and not _MANDATE.fullmatch(settling.mandate_id):
        raise MerchantDataError("no bank takes such a mandate id", field="mandate_id")
    return Settling(
        cap=settling.cap,
        cycle=settling.cycle,
        weekday=settling.weekday,
        days=tuple(sorted(set(settling.days))),
        holidays=tuple(sorted(set(settling.holidays))),
        minimum=settling.minimum,
        mandate_id=settling.mandate_id,
        mandate_signed_on=settling.mandate_signed_on,
    )
