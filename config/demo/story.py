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
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, text

from config.demo import campaigns, coalition
from config.demo.people import add_people
from config.demo.purchases import SAMPLE, Basket, load_baskets
from config.demo.script import DAYS, Player
from config.demo.stage import Seat, Signatories, set_stage
from config.demo.tills import Taken, Tills
from network.clock import day_start, local_date, wall_now
from network.database.installation import ProgrammeClock, move_clock
from network.ledger.partitions import ensure_partitions, open_first_day
from network.operators import service as operators
from network.services import Services
from network.settings import PROGRAMME_ZONE, Settings
from settlement.nightly import run_night

RECORD, COALITION, SIGN_INS = "requests.jsonl", "coalition.json", "sign-ins.json"
OPERATORS = (
    ("operator@demo.peyvand", "Demo Operator", "administrator"),
    ("approver@demo.peyvand", "Demo Approver", "approver"),
)

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


def play(
    services: Services,
    *,
    gateway_url: str,
    home: Path,
    first_day: date,
    days: int,
    say: Say,
    purchases: Path = SAMPLE,
    clock_step: timedelta = timedelta(0),
) -> Story:
    """Set the stage and play ``days`` days of ``purchases``, each with its night.

    Returns what happened. ``say`` is called after every action and may raise to end the play.
    Programme time goes from purchase to purchase, or by ``clock_step`` where that is more.
    """
    clock = ProgrammeClock(services.database)
    baskets = load_baskets(first_day=first_day, path=purchases, days=days)
    story = Story(first_day=first_day, baskets=baskets)
    say("stage", 0, 1)
    story.seats = set_stage(
        services,
        baskets=baskets,
        first_day=first_day,
        now=clock.now(),
        signatories=add_operators(services, home=home),
    )
    _write_keys(home, story.seats)
    add_people(services, home=home)
    (home / COALITION).write_text(
        json.dumps(
            coalition.as_json(first_day=first_day)
            | campaigns.as_json(first_day=first_day, baskets=baskets),
            ensure_ascii=False,
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )
    tills = Tills(
        services,
        seats=story.seats,
        gateway_url=gateway_url,
        move_clock=_Hands(services, clock, step=clock_step).show,
        record=home / RECORD,
    )
    try:
        player = Player(
            baskets=baskets, first_day=first_day, balance=tills.balance, days=max(days, DAYS)
        )
        for number in range(days):
            story.days.append(_play_day(services, clock, tills, player, story, number, say))
        story.member_phone = _richest(tills)
    finally:
        tills.close()
    with services.database.unit_of_work() as session:
        now = wall_now()
        move_clock(session, to=now, wall=now)
    return story


def _play_day(
    services: Services,
    clock: ProgrammeClock,
    tills: Tills,
    player: Player,
    story: Story,
    number: int,
    say: Say,
) -> Day:
    day = story.first_day + timedelta(days=number)
    parts = sum(len(basket.parts) for basket in story.baskets if basket.day == number)
    taken = Taken()
    began = time.monotonic()
    for action in player.actions(number):
        tills.perform(action, business_date=day, taken=taken)
        say(day.isoformat(), taken.requests, max(parts, taken.requests))
    tills.flush()
    played = time.monotonic()
    _catch_up(services, clock, day_start(day + timedelta(days=1), zone=PROGRAMME_ZONE))
    say(f"{day.isoformat()} night", 0, 1)
    result = run_night(services, business_date=day, started_by="demo")
    return Day(
        business_date=day,
        taken=taken,
        seconds=played - began,
        night_seconds=time.monotonic() - played,
        obligations=result.obligations,
    )


class _Hands:
    """Programme time as the tills see it: never behind ``to``, never in the next day before it."""

    def __init__(self, services: Services, clock: ProgrammeClock, *, step: timedelta) -> None:
        self._services = services
        self._clock = clock
        self._step = step
        self._shown: datetime | None = None

    def show(self, to: datetime) -> None:
        """Move forward until ``to`` at least; by a whole step, but not over midnight."""
        if self._shown is not None and to <= self._shown:
            return
        midnight = day_start(
            local_date(to, zone=PROGRAMME_ZONE) + timedelta(days=1), zone=PROGRAMME_ZONE
        )
        # A night needs a while of wall time in which the day must not end by itself.
        self._shown = max(to, min(to + self._step, midnight - timedelta(minutes=30)))
        _catch_up(self._services, self._clock, self._shown)


def _catch_up(services: Services, clock: ProgrammeClock, to: datetime) -> None:
    """Move programme time forward to ``to``; it never goes back."""
    if clock.now() < to:
        with services.database.unit_of_work() as session:
            move_clock(session, to=to, wall=wall_now())


def _richest(tills: Tills) -> str:
    """Return the phone of the member with the most to spend: there is most to try."""
    member = max(tills.members, key=lambda each: (tills.balance(each), each))
    return tills.phones[member]


def _write_keys(home: Path, seats: dict[str, Seat]) -> None:
    """Keep each partner's signing key where the command line of its till finds it."""
    directory = home / "keys"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    for slug, seat in seats.items():
        path = directory / f"{slug}.pem"
        path.touch(mode=0o600)
        path.write_text(seat.key.to_pem(), encoding="ascii")


__all__ = ["DAYS", "Day", "Story", "begin_simulated", "first_day_of", "play"]
