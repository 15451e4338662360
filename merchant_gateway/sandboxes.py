"""The sandboxes that this process has open: the few used last, each by few connections.

A call with a test key goes through the same door as any other: the one table of keys, nonces and
quotas. Only then does it enter its merchant's sandbox, where everything it reads and writes is
another database's. A merchant that has none yet takes a spare, which is furnished at once.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from uuid import UUID

from sqlalchemy import text

from merchant_gateway.caches import BriefCache
from merchant_gateway.errors import BusyError, SandboxUnavailableError
from merchant_gateway.gateway import Call, Entered, Gateway, SandboxHands
from network.clock import wall_now
from network.database.migrate import schema_digest
from network.merchants.queries import ISSUING_OPEN
from network.sandboxes import furnishing, queries, service, time
from network.sandboxes.opening import sandbox_services
from network.sandboxes.queries import SandboxView
from network.services import Services
from network.signing.queries import TEST, published_keys

log = logging.getLogger("peyvand.gateway")

HELD = 4
"""So many sandboxes a process keeps open, each by one idle connection."""

_INSIDE = BoundedSemaphore(2)
_PATIENCE_SECONDS = 1.0
"""Half of a process's threads at most are in sandboxes, so that none of them stalls live calls."""

_LOOKING = BoundedSemaphore(1)
"""Who checks a paper has signed nothing, so at most one of these places is theirs."""

VIEW_SECONDS = 2.0
SIZE_SECONDS = 60.0
NOTED_EVERY = timedelta(hours=1)
LOOKED_INTO_AFTER = timedelta(seconds=30)
"""Where this process dies before it says that a call is done, a worker looks anyhow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """A sandbox, and the gateway as a call meets it inside."""

    view: SandboxView
    inside: Gateway


class Sandboxes:
    """Opens merchants' sandboxes, and closes those that nobody used lately."""

    def __init__(self, gateway: Gateway, hands: SandboxHands) -> None:
        self._gateway = gateway
        self._hands = hands
        self._views: BriefCache[UUID, _Open] = BriefCache(size=1_000, seconds=VIEW_SECONDS)
        self._sizes: BriefCache[UUID, int] = BriefCache(size=1_000, seconds=SIZE_SECONDS)
        self._held: OrderedDict[UUID, Gateway] = OrderedDict()
        self._lock = Lock()
        self._epoch: bytes | None = None

    @contextmanager
    def enter(self, call: Call) -> Iterator[Call]:
        """Yield the call as it goes on inside its merchant's sandbox.

        Raises SandboxUnavailableError where there is none to be had now, and BusyError where too
        many are inside of any. A call that would make one larger that is too large already enters
        it as ``full``: what was answered before is answered again.
        """
        with _place(_INSIDE), self._entered(call) as inside:
            yield inside

    @contextmanager
    def look_into(self, *, merchant_id: UUID) -> Iterator[Services | None]:
        """Yield services on a merchant's sandbox for a read by anybody, ``None`` where it has none.

        Nothing is made, caught up with or noted: a look keeps no sandbox in use. Raises BusyError
        where too many look, and SandboxUnavailableError while its database is brought up to date.
        """
        with self._gateway.services.database.reading() as session:
            view = queries.sandbox_of(session, merchant_id=merchant_id)
        if view is None or view.furnished_at is None:
            yield None
            return
        if view.schema_digest != schema_digest():
            raise SandboxUnavailableError("its database is being brought up to date")
        with _place(_LOOKING), _place(_INSIDE):
            yield self._inside(view).services

    @contextmanager
    def _entered(self, call: Call) -> Iterator[Call]:
        if call.admission.epoch is None or call.admission.epoch != self._epoch:
            self._epoch = call.admission.epoch  # somebody may have reset it
            self._views.clear()
        found = self._views.get(call.merchant_id, lambda: self._open(call))
        reads = call.method == "GET"
        full = not reads and self._is_full(found, call)
        entered = Entered(view=found.view, hands=self._hands, full=full)
        # What keeps the merchant from giving points, or has it leave, is about its real ones.
        key = replace(call.key, issuing=ISSUING_OPEN, leaves_on=None)
        inside = replace(call, gateway=found.inside, key=key, sandbox=entered)
        if reads or full:
            self._note_reading(found.view, now=call.wall)
            yield inside
            return
        self._note(found.view, now=call.wall, due_at=call.wall + LOOKED_INTO_AFTER)
        try:
            yield inside
        finally:
            done = wall_now()
            self._note(found.view, now=done, due_at=done)
            self._hands.stir()

    def _open(self, call: Call) -> _Open:
        """Find the merchant's sandbox, or take and furnish one; let its days catch up."""
        database = self._gateway.services.database
        with database.reading() as session:
            view = queries.sandbox_of(session, merchant_id=call.merchant_id)
        if view is None:
            with database.unit_of_work() as session:
                view = service.take(
                    session,
                    merchant_id=call.merchant_id,
                    schema_digest=schema_digest(),
                    now=call.wall,
                )
        if view is None:
            raise SandboxUnavailableError("no sandbox is ready")
        if view.schema_digest != schema_digest():
            raise SandboxUnavailableError("its database is being brought up to date")
        inside = self._inside(view)
        if view.furnished_at is None:
            view = self._furnish(view, inside, now=call.wall)
        if not time.catch_up(inside.services.database):
            raise BusyError("the sandbox has more days to catch up with")
        return _Open(view=view, inside=inside)

    def _furnish(self, view: SandboxView, inside: Gateway, *, now: datetime) -> SandboxView:
        database = self._gateway.services.database
        merchant_id = service.owner_of(view)
        with database.reading() as session:
            furniture = furnishing.furniture_of(session, merchant_id=merchant_id, now=now)
        services = inside.services
        with services.database.unit_of_work() as session:
            furnishing.furnish(session, services.vault, furniture=furniture, now=now)
            keys = published_keys(session, environment=TEST)
        with database.unit_of_work() as session:
            return service.note_furnished(session, sandbox_id=view.sandbox_id, keys=keys, now=now)

    def _inside(self, view: SandboxView) -> Gateway:
        """Return the gateway on a sandbox's data; the one used longest ago is closed for it."""
        with self._lock:
            held = self._held.pop(view.sandbox_id, None)
            if held is None:
                services = sandbox_services(
                    self._gateway.services, view, application_name="peyvand-gateway-sandbox"
                )
                held = self._gateway.inside(services)
            self._held[view.sandbox_id] = held
            if len(self._held) > HELD:
                _, closed = self._held.popitem(last=False)
                closed.services.database.dispose()
                self._views.clear()
            return held

    def close(self) -> None:
        """Let go of every sandbox that is open."""
        with self._lock:
            while self._held:
                self._held.popitem()[1].services.database.dispose()
            self._views.clear()

    def _is_full(self, found: _Open, call: Call) -> bool:
        if call.target.startswith("/v1/sandbox"):
            return False
        return self._size(found) > self._gateway.limits.sandbox_bytes

    def _size(self, found: _Open) -> int:
        def measure() -> int:
            with found.inside.services.database.ledger() as connection:
                size: int = connection.execute(
                    text("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")
                ).scalar_one()
                return size

        return self._sizes.get(found.view.sandbox_id, measure)

    def _note_reading(self, view: SandboxView, *, now: datetime) -> None:
        """Remember reads as well, now and then: what is only read is in use too."""
        if view.used_at is None or view.used_at < now - NOTED_EVERY:
            self._note(view, now=now, due_at=None)
            self._views.forget(service.owner_of(view))

    def _note(self, view: SandboxView, *, now: datetime, due_at: datetime | None) -> None:
        with self._gateway.services.database.unit_of_work() as session:
            service.note_use(session, sandbox_id=view.sandbox_id, now=now, due_at=due_at)


@contextmanager
def _place(places: BoundedSemaphore) -> Iterator[None]:
    """Hold one of ``places`` inside the block; raise BusyError where none comes free."""
    if not places.acquire(timeout=_PATIENCE_SECONDS):
        raise BusyError("too many calls are in sandboxes")
    try:
        yield
    finally:
        places.release()
