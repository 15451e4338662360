"""The job that delivers what is due: many at a time, fair between endpoints, until nothing is."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from config.webhooks.posting import Posted, Poster
from config.webhooks.resolving import Resolve, SystemResolver
from config.webhooks.rooms import Rooms
from network.clock import wall_now
from network.database.installation import ProgrammeClock
from network.errors import UnavailableError
from network.events.webhooks import deliveries
from network.events.webhooks.deliveries import DELIVERED, Attempt, Ending
from network.events.webhooks.endpoints import keys_of
from network.events.webhooks.signing import KeyPair, signature_headers
from network.services import Services

AT_ONCE = 256
EACH_MERCHANT = AT_ONCE // 4
"""So many of them for one merchant, however many endpoints it has."""

WORK_SECONDS = 60.0
"""A job begins attempts for this long; what is due after that is another job's."""

LINGER_SECONDS = 0.5
KEYS_SECONDS = 2.0
"""For so long an endpoint's keys are held: a rotation shows after it."""

_LOOK_AGAIN_SECONDS = 0.1
_GATHER_SECONDS = 0.01

STOPPING = threading.Event()
"""Set when the worker was told to stop: no further attempt is begun."""


def deliver(services: Services) -> None:
    """Deliver what is due (the job of the webhooks' queue).

    Where the database goes away meanwhile, the schedule asks again.
    """
    try:
        run(services, loopback=loopback_allowed(services))
    except* UnavailableError:
        _log().warning("the database went away")


def _log() -> Any:
    return structlog.get_logger("peyvand.webhooks")


def loopback_allowed(services: Services) -> bool:
    """Return whether webhooks may go to this machine itself.

    Only where the settings say so, and the installation is a simulated one or runs its own servers.
    """
    settings = services.settings
    return settings.webhook_loopback and (
        settings.embedded or ProgrammeClock(services.database).simulated
    )


def run(
    services: Services,
    *,
    loopback: bool = False,
    resolve: Resolve | None = None,
    make: Callable[..., Poster] = Poster,
    work_seconds: float = WORK_SECONDS,
    linger_seconds: float = LINGER_SECONDS,
) -> int:
    """Deliver until nothing is due or ``work_seconds`` are over; return how many attempts ended.

    ``resolve`` stands in for the system's resolver, ``make`` makes what posts.
    """
    system = SystemResolver(threads=AT_ONCE)
    poster = make(resolve=resolve or system, loopback=loopback)
    work = _Round(services=services, poster=poster)
    try:
        asyncio.run(work.run(work_seconds=work_seconds, linger_seconds=linger_seconds))
    finally:
        system.close()
    return work.ended


@dataclass(kw_only=True)
class _Round:
    """What one job has under way."""

    services: Services
    poster: Poster
    ended: int = 0
    rooms: Rooms = field(default_factory=lambda: Rooms(each_merchant=EACH_MERCHANT))
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    endings: list[Ending] = field(default_factory=list)
    keys: dict[UUID, tuple[float, list[KeyPair]]] = field(default_factory=dict)
    done: bool = False
    look: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, *, work_seconds: float, linger_seconds: float) -> None:
        """Begin attempts while there are any, and write down how they end.

        What is under way when the writing fails is not lost: it is due again after its lease.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write())
                await self._work(group, work_seconds=work_seconds, linger_seconds=linger_seconds)
                self.done = True
                self.written.set()
        finally:
            self.poster.close()

    async def _work(
        self, group: asyncio.TaskGroup, *, work_seconds: float, linger_seconds: float
    ) -> None:
        began = last = time.monotonic()
        while not STOPPING.is_set() and time.monotonic() - began < work_seconds:
            self.look.clear()
            under_way = bool(self.tasks)
            begun = await self._begin(group)
            if begun or under_way or self.tasks:
                last = time.monotonic()
            elif time.monotonic() - last >= linger_seconds:
                break
            if not begun or not self.rooms.any_free:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                        await self.look.wait()
        if self.tasks:
            await asyncio.wait(self.tasks)

    async def _begin(self, group: asyncio.TaskGroup) -> int:
        """Begin what there is room for; return how many attempts that are."""
        free = AT_ONCE - len(self.tasks)
        if free < AT_ONCE // 4:
            return 0
        attempts = await asyncio.to_thread(self._claim, limit=free, now=wall_now())
        for attempt in attempts:
            self.rooms.take(attempt.endpoint_id, merchant_id=attempt.event.merchant_id)
            task = group.create_task(self._attempt(attempt))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return len(attempts)

    def _claim(self, *, limit: int, now: datetime) -> list[Attempt]:
        with self.services.database.unit_of_work() as session:
            attempts = deliveries.begin(
                session, now=now, limit=limit, each=self.rooms.first, rooms=self.rooms.free()
            )
            self._read_keys(session, {each.endpoint_id for each in attempts}, now=now)
        return attempts

    def _read_keys(self, session: Session, endpoint_ids: set[UUID], *, now: datetime) -> None:
        moment = time.monotonic()
        missing = [
            each
            for each in endpoint_ids
            if each not in self.keys or self.keys[each][0] < moment - KEYS_SECONDS
        ]
        if missing:
            found = keys_of(session, self.services.vault, endpoint_ids=missing, now=now)
            self.keys |= {each: (moment, pairs) for each, pairs in found.items()}

    async def _attempt(self, attempt: Attempt) -> None:
        body = attempt.event.body()
        headers = signature_headers(
            webhook_id=attempt.event.public_id,
            moment=wall_now(),
            body=body,
            keys=self.keys[attempt.endpoint_id][1],
        )
        began = time.monotonic()
        try:
            posted = await self.poster.post(attempt.url, headers=headers, body=body)
        except Exception as error:  # noqa: BLE001 - a defect met by one delivery must not stop the others
            _log().error("attempt failed", type=type(error).__name__)
            posted = Posted(outcome="internal_error")
        self.endings.append(
            Ending(
                attempt=attempt,
                outcome=posted.outcome,
                status=posted.status,
                finished_at=wall_now(),
                chance=random.random(),  # noqa: S311 - spreads load, protects nothing
                asked=posted.asked,
            )
        )
        self.written.set()
        delivered = posted.outcome == DELIVERED
        seconds = time.monotonic() - began
        if self.rooms.give_back(attempt.endpoint_id, delivered=delivered, seconds=seconds):
            self.look.set()

    async def _write(self) -> None:
        """Write endings down as they come, several in one statement."""
        while not self.done or self.endings:
            await self.written.wait()
            self.written.clear()
            await asyncio.sleep(_GATHER_SECONDS)
            endings, self.endings = self.endings, []
            if endings:
                await asyncio.to_thread(self._end, endings)
                self.ended += len(endings)

    def _end(self, endings: list[Ending]) -> None:
        with self.services.database.unit_of_work() as session:
            deliveries.end(session, endings=endings)
