"""The worker's look into sandboxes that are due: what the relay and the workers do for live data.

It writes merchants' events, works batches off and delivers webhooks, one sandbox after the other
and a few beside each other, in a queue of its own: whatever a sandbox asks for, live merchants do
not wait for it. No message to a member leaves a sandbox.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog

from config.jobs import reconcile
from config.relay import dispatch
from config.webhooks import delivering
from network.batches import queries as batches
from network.clock import wall_now
from network.errors import PeyvandError
from network.events import queries as events
from network.events.webhooks.deliveries import next_due
from network.merchants import queries as merchants
from network.merchants.happenings import Teller
from network.reconciliation import attempts as records
from network.sandboxes import queries, service
from network.sandboxes.furnishing import bring_keys
from network.sandboxes.opening import sandbox_services
from network.sandboxes.queries import SandboxView
from network.services import Services

AT_ONCE = 4
CONNECTIONS = 4
WORK_SECONDS = 45.0
DELIVER_SECONDS = 10.0
AGAIN = timedelta(seconds=2)
"""When to look again for events that came while the others were told."""

AFTER_FAILURE = timedelta(minutes=1)
_MAY_CALL = frozenset({"applied", "approved", "active", "leaving"})


def tend(services: Services) -> None:
    """Look into every sandbox that is due (the job of the sandboxes' queue)."""
    give_up = time.monotonic() + WORK_SECONDS
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="sandbox") as pool:
        for done in [pool.submit(_work, services, give_up) for _ in range(AT_ONCE)]:
            done.result()


def _work(services: Services, give_up: float) -> None:
    while time.monotonic() < give_up:
        with services.database.unit_of_work() as session:
            view = service.lease_due(session, now=wall_now())
        if view is None or view.due_at is None:
            return
        try:
            next_at = look_into(services, view)
        except PeyvandError as error:
            log = structlog.get_logger("peyvand.sandboxes")
            log.warning("not looked into", sandbox=view.database_name, code=error.code)
            next_at = wall_now() + AFTER_FAILURE
        with services.database.unit_of_work() as session:
            service.end_lease(
                session, sandbox_id=view.sandbox_id, leased_until=view.due_at, next_at=next_at
            )


def look_into(services: Services, view: SandboxView) -> datetime | None:
    """Do what waits in a sandbox; return when to look again, ``None`` where nothing waits."""
    merchant_id = service.owner_of(view)
    with services.database.reading() as session:
        if merchants.merchant(session, merchant_id=merchant_id).status not in _MAY_CALL:
            return None
    inside = sandbox_services(
        services,
        view,
        application_name="peyvand-worker-sandbox",
        most_connections=CONNECTIONS,
    )
    try:
        with services.database.reading() as live, inside.database.unit_of_work() as session:
            bring_keys(live, session, merchant_id=merchant_id)
        _work_batches_off(inside)
        _match_records(inside)
        _tell(inside)
        if _next_delivery(inside) is not None:
            delivering.run(
                inside,
                loopback=delivering.loopback_allowed(inside),
                work_seconds=DELIVER_SECONDS,
                linger_seconds=0.0,
            )
        with inside.database.reading() as session:
            waiting = events.any_left(session)
        return _earliest([wall_now() + AGAIN if waiting else None, _next_delivery(inside)])
    finally:
        inside.database.dispose()


def open_sandboxes(services: Services) -> list[SandboxView]:
    """Return the sandboxes that merchants have, for who keeps house in them too."""
    with services.database.reading() as session:
        return queries.taken(session)


def _work_batches_off(inside: Services) -> None:
    from merchant_gateway.batches.work import run_batch  # a worker of nights need not load it

    with inside.database.reading() as session:
        found = batches.left_alone(session, before=wall_now() + timedelta(days=1))
    for batch_id in found:
        run_batch(inside, batch_id=str(batch_id))


def _match_records(inside: Services) -> None:
    """Match the records of days that came, each in a unit of work of its own."""
    with inside.database.reading() as session:
        found = records.left_alone(session, before=wall_now() + timedelta(days=1))
    for reconciliation_id in found:
        reconcile(inside, reconciliation_id=str(reconciliation_id))


def _tell(inside: Services) -> None:
    """Write merchants' events down; nothing else is done for what is in a sandbox's outbox."""
    teller = Teller(vault=inside.vault, entry_ids=inside.entry_ids)
    while dispatch(inside.database, hand_on=_leave, teller=teller).events:
        pass


def _leave(_events: Sequence[events.Event]) -> None:
    """Hand events on to nobody."""


def _next_delivery(inside: Services) -> datetime | None:
    with inside.database.reading() as session:
        return next_due(session)


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)
