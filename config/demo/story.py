"""Plays the fortnight: a fresh installation, ten partners, 250 households, fourteen nights.

Everything that moves points goes through the running gateway, signed with the partners' keys.
Programme time is moved from purchase to purchase; at its end the offset is zero again and the
last day played was yesterday, so that the apps go on in real time.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from typing import Self

from sqlalchemy import create_engine, text

from config.demo import campaigns, coalition
from config.demo.lanes import Lanes, open_lanes
from config.demo.people import add_people
from config.demo.purchases import SAMPLE, Basket, load_baskets
from config.demo.record import Record
from config.demo.script import DAYS
from config.demo.stage import Seat, Signatories, set_stage
from config.demo.tills import Taken
from network.clock import day_start, local_date, wall_now
from network.database.installation import ProgrammeClock, move_clock
from network.ledger.partitions import ensure_partitions, open_first_day
from network.operators import service as operators
from network.services import Services
from network.settings import PROGRAMME_ZONE, Settings
from settlement.night import STEPS, Report
from settlement.nightly import run_night

RECORD, COALITION, SIGN_INS = "requests.jsonl", "coalition.json", "sign-ins.json"
OPERATORS = (
    ("operator@demo.peyvand", "Demo Operator", "administrator"),
    ("approver@demo.peyvand", "Demo Approver", "approver"),
)

_UNTIL_MATURED = STEPS[: STEPS.index("mature") + 1]

Say = Callable[[str, int, int], None]
"""Told what is being played, how many actions of the day are done, and about how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What one played day came to; ``night_seconds`` from the close to the statements."""

    business_date: date
    taken: Taken
    seconds: float
    night_seconds: float
    obligations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a play goes; by itself one request after the other, then the night.

    Households play in so many ``lanes`` at once. Programme time goes from purchase to purchase, or
    by ``clock_step`` where that is more. With ``batches`` shops send most purchases in the evening.
    With ``nights_beside`` a day's purchases go on while the night of the day before still settles
    it: once that day is closed, and what lapses with it has lapsed, as members look at balances.
    """

    lanes: int = 1
    batches: bool = False
    clock_step: timedelta = timedelta(0)
    nights_beside: bool = False


@dataclass(slots=True, kw_only=True)
class Story:
    """The play and everything the audience is told afterwards."""

    first_day: date
    days: list[Day] = field(default_factory=list)
    seats: dict[str, Seat] = field(default_factory=dict)
    baskets: tuple[Basket, ...] = ()
    member_phone: str = ""


def first_day_of(*, wall: datetime, days: int) -> date:
    """Return the day on which a play of ``days`` days must begin to end with yesterday."""
    return local_date(wall, zone=PROGRAMME_ZONE) - timedelta(days=days)


def begin_simulated(settings: Settings, *, first_day: date, days: int = DAYS) -> None:
    """Make a fresh installation a simulated one, with its clock on the morning of ``first_day``.

    It has room for ``days`` days and a month beyond.
    As the owner, before any front starts: an installation's kind never changes afterwards.
    """
    if settings.owner_url is None:
        raise ValueError("the demo needs the owner's way to the database")
    morning = day_start(first_day, zone=PROGRAMME_ZONE) + timedelta(minutes=5)
    engine = create_engine(settings.owner_url)
    try:
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE network.installation SET simulated = true, clock_offset = :offset"),
                {"offset": morning - wall_now()},
            )
            ensure_partitions(
                connection, first=first_day, last=first_day + timedelta(days=days + 31)
            )
            open_first_day(connection, business_date=first_day)
    finally:
        engine.dispose()


def add_operators(services: Services, *, home: Path) -> Signatories:
    """Make the two operators of the demo and keep their sign-ins in a file of the home."""
    made = []
    sign_ins = []
    with services.database.unit_of_work() as session:
        for email, name, role in OPERATORS:
            password = secrets.token_urlsafe(12)
            added = operators.add_operator(
                session,
                vault=services.vault,
                now=wall_now(),
                email=email,
                name=name,
                role=role,
                password=password,
            )
            made.append(added.operator.operator_id)
            sign_ins.append({"email": email, "password": password, "secret": added.totp_secret})
    path = home / SIGN_INS
    path.touch(mode=0o600)
    path.write_text(json.dumps(sign_ins, indent=1) + "\n", encoding="utf-8")
    return Signatories(proposer=made[0], approver=made[1])


def _nothing_more(day: Day) -> None:
    """Leave a settled day as it is."""


def play(
    services: Services,
    *,
    gateway_url: str,
    home: Path,
    first_day: date,
    days: int,
    say: Say,
    purchases: Path = SAMPLE,
    pace: Pace | None = None,
    settled: Callable[[Day], None] = _nothing_more,
) -> Story:
    """Set the stage and play ``days`` days of ``purchases``, each with its night.

    Returns what happened. ``say`` is called after every action and may raise to end the play;
    ``settled`` after every night, one at a time.
    """
    pace = pace or Pace()
    clock = ProgrammeClock(services.database)
    story = Story(
        first_day=first_day,
        baskets=load_baskets(first_day=first_day, path=purchases, days=days),
    )
    say("stage", 0, 1)
    _open_shops(services, story, home=home, now=clock.now())
    lanes = open_lanes(
        services,
        number=pace.lanes,
        batches=pace.batches,
        baskets=story.baskets,
        seats=story.seats,
        gateway_url=gateway_url,
        move_clock=_Hands(services, clock, step=pace.clock_step).show,
        record=Record(home / RECORD),
        first_day=first_day,
        days=max(days, DAYS),
    )
    try:
        with _Nights(services, clock, say=say, settled=settled) as nights:
            for number in range(days):
                _play_day(nights, lanes, story, number, say=say, beside=pace.nights_beside)
            nights.await_last(story)
        story.member_phone = lanes.richest()
    finally:
        lanes.close()
    with services.database.unit_of_work() as session:
        now = wall_now()
        move_clock(session, to=now, wall=now)
    return story


def _open_shops(services: Services, story: Story, *, home: Path, now: datetime) -> None:
    """Set the stage, and leave keys, sign-ins and the coalition's terms in files of the home."""
    story.seats = set_stage(
        services,
        baskets=story.baskets,
        first_day=story.first_day,
        now=now,
        signatories=add_operators(services, home=home),
    )
    _write_keys(home, story.seats)
    add_people(services, home=home)
    (home / COALITION).write_text(
        json.dumps(
            coalition.as_json(first_day=story.first_day)
            | campaigns.as_json(first_day=story.first_day, baskets=story.baskets),
            ensure_ascii=False,
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )


def _play_day(
    nights: _Nights, lanes: Lanes, story: Story, number: int, *, say: Say, beside: bool
) -> None:
    day = story.first_day + timedelta(days=number)
    began = time.monotonic()
    taken = lanes.play_day(
        number,
        business_date=day,
        told=lambda done, total: say(day.isoformat(), done, total),
    )
    seconds = time.monotonic() - began
    nights.await_last(story)
    nights.begin(day, taken=taken, seconds=seconds)
    if not beside:
        nights.await_last(story)


class _Nights:
    """The nights of a play, one at a time, in a thread of their own."""

    def __init__(
        self,
        services: Services,
        clock: ProgrammeClock,
        *,
        say: Say,
        settled: Callable[[Day], None],
    ) -> None:
        self._services = services
        self._clock = clock
        self._say = say
        self._settled = settled
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="night")
        self._last: Future[Day] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._thread.shutdown()

    def begin(self, day: date, *, taken: Taken, seconds: float) -> None:
        """End a day and begin its night; return when the next day's balances stand."""
        _catch_up(
            self._services, self._clock, day_start(day + timedelta(days=1), zone=PROGRAMME_ZONE)
        )
        matured = Event()
        self._last = self._thread.submit(self._run, day, taken, seconds, matured)
        matured.wait()

    def await_last(self, story: Story) -> None:
        """Wait for the night that runs, if one does, and add its day to the story."""
        if self._last is not None:
            story.days.append(self._last.result())
            self._last = None

    def _run(self, day: date, taken: Taken, seconds: float, matured: Event) -> Day:
        def told(report: Report) -> None:
            if report.step not in _UNTIL_MATURED:
                matured.set()

        began = time.monotonic()
        try:
            self._say(f"{day.isoformat()} night", 0, 1)
            result = run_night(self._services, business_date=day, started_by="demo", progress=told)
        finally:
            matured.set()
        played = Day(
            business_date=day,
            taken=taken,
            seconds=seconds,
            night_seconds=time.monotonic() - began,
            obligations=result.obligations,
        )
        self._settled(played)
        return played


class _Hands:
    """Programme time as the tills see it: never behind ``to``, never in the next day before it."""

    def __init__(self, services: Services, clock: ProgrammeClock, *, step: timedelta) -> None:
        self._services = services
        self._clock = clock
        self._step = step
        self._shown: datetime | None = None
        self._turn = Lock()

    def show(self, to: datetime) -> None:
        """Move forward until ``to`` at least; by a whole step, but not over midnight."""
        if self._shown is not None and to <= self._shown:
            return
        with self._turn:
            if self._shown is not None and to <= self._shown:
                return
            midnight = day_start(
                local_date(to, zone=PROGRAMME_ZONE) + timedelta(days=1), zone=PROGRAMME_ZONE
            )
            # A night needs a while of wall time in which the day must not end by itself.
            shown = max(to, min(to + self._step, midnight - timedelta(minutes=30)))
            _catch_up(self._services, self._clock, shown)
            self._shown = shown


def _catch_up(services: Services, clock: ProgrammeClock, to: datetime) -> None:
    """Move programme time forward to ``to``; it never goes back."""
    if clock.now() < to:
        with services.database.unit_of_work() as session:
            move_clock(session, to=to, wall=wall_now())


def _write_keys(home: Path, seats: dict[str, Seat]) -> None:
    """Keep each partner's signing key where the command line of its till finds it."""
    directory = home / "keys"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    for slug, seat in seats.items():
        path = directory / f"{slug}.pem"
        path.touch(mode=0o600)
        path.write_text(seat.key.to_pem(), encoding="ascii")


__all__ = ["DAYS", "Day", "Pace", "Story", "begin_simulated", "first_day_of", "play"]
