"""Households in lanes: each lane plays its own, in their order, and several lanes play at once.

What a household does depends on nobody else but for one thing: a campaign has one budget for all,
and who had the last of it depends on who came first. Purchases that it may reach go one by one.
Others may wait for the evening, when each shop sends what it sold in one batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Lock

from config.demo.actions import Earn
from config.demo.campaigns import sharing_a_budget
from config.demo.evening import hand_in, waits_for_the_evening
from config.demo.purchases import Basket
from config.demo.record import Record
from config.demo.script import Player
from config.demo.stage import Seat
from config.demo.tills import Taken, Tills
from network.services import Services

Told = Callable[[int, int], None]
"""Told how many requests of the day were answered, and about how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Some of the households, and the tills that serve them."""

    player: Player
    tills: Tills


@dataclass(slots=True, kw_only=True)
class Lanes:
    """All lanes of a play."""

    lanes: Sequence[Lane]
    parts: Counter[int]
    """How many purchases each day has."""

    record: Record
    services: Services
    batches: bool
    _turn: Lock = field(default_factory=Lock)
    _budget: Lock = field(default_factory=Lock)

    def play_day(self, number: int, *, business_date: date, told: Told) -> Taken:
        """Perform a day's actions, all lanes at once; return what they came to.

        ``told`` is called after each of them and may raise to end the play.
        """
        taken = Taken()
        shared = sharing_a_budget(number)

        def perform(lane: Lane) -> None:
            own = Taken()
            for action in lane.player.actions(number):
                answered = own.requests
                reached = isinstance(action, Earn) and action.merchant in shared
                if self.batches and not reached and waits_for_the_evening(action):
                    lane.tills.keep(action)
                    continue
                with self._budget if reached else nullcontext():
                    lane.tills.perform(action, business_date=business_date, taken=own)
                with self._turn:
                    taken.requests += own.requests - answered
                    told(taken.requests, max(self.parts[number], taken.requests))
            with self._turn:
                taken.refused += own.refused
                taken.by_kind += own.by_kind
                taken.latencies_ms += own.latencies_ms

        with ThreadPoolExecutor(len(self.lanes), thread_name_prefix="lane") as threads:
            for each in [threads.submit(perform, lane) for lane in self.lanes]:
                each.result()
        hand_in(
            self.services,
            tills=[lane.tills for lane in self.lanes],
            record=self.record,
            business_date=business_date,
            taken=taken,
        )
        told(taken.requests, max(self.parts[number], taken.requests))
        self.record.flush()
        return taken

    def richest(self) -> str:
        """Return the phone of the member with the most to spend: there is most to try."""
        _, _, phone = max(
            (lane.tills.balance(member), member, lane.tills.phones[member])
            for lane in self.lanes
            for member in lane.tills.members
        )
        return phone

    def close(self) -> None:
        """Close every connection and the record."""
        with closing(self.record):
            for lane in self.lanes:
                lane.tills.close()


def open_lanes(
    services: Services,
    *,
    number: int,
    batches: bool,
    baskets: Sequence[Basket],
    seats: Mapping[str, Seat],
    gateway_url: str,
    move_clock: Callable[[datetime], None],
    record: Record,
    first_day: date,
    days: int,
) -> Lanes:
    """Share the households of ``baskets`` out over ``number`` lanes, each with its own tills.

    With ``batches`` shops send most purchases in the evening.
    """
    return Lanes(
        lanes=[
            _lane(
                Tills(
                    services,
                    seats=seats,
                    gateway_url=gateway_url,
                    move_clock=move_clock,
                    record=record,
                ),
                baskets=tuple(each for each in baskets if each.household_id % number == place),
                first_day=first_day,
                days=days,
            )
            for place in range(number)
        ],
        parts=Counter(each.day for each in baskets for _ in each.parts),
        record=record,
        services=services,
        batches=batches,
    )


def _lane(tills: Tills, *, baskets: tuple[Basket, ...], first_day: date, days: int) -> Lane:
    return Lane(
        player=Player(baskets=baskets, first_day=first_day, balance=tills.balance, days=days),
        tills=tills,
    )
