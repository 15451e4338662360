"""The outbox relay: what was committed goes out to the queues, at least once, in order.

What followed from something else goes out after it (``network.events.queries.waiting``); what
commits late goes out late and holds up nothing. A row is removed in the transaction that took it,
after its job was accepted by the queue: killed in between, the relay enqueues the job again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from uuid import UUID, uuid5

import redis
import structlog
from sqlalchemy.orm import Session

from config.guarding import Guard
from config.handlers import GATHERED, HANDLERS, Handler
from config.jobs import ask_delivery, enqueue
from network.clock import wall_now
from network.database.connection import Database, DatabaseFullError, DatabaseUnavailableError
from network.events.queries import Event
from network.events.reading import Place
from network.events.service import remove_dispatched, take_waiting
from network.events.webhooks.deliveries import tell
from network.merchants.happenings import Teller, weight
from network.notices import untold
from network.services import Services

BATCH = 500
MOST_ENTRIES = 5_000
"""One event may tell of a thousand entries of a batch; a transaction of the relay stays short."""

IDLE_SECONDS = 0.2
FAILED_SECONDS = 2.0
_TOGETHER = UUID("6c0e5a0e-6a0d-5d5f-9b53-0d6b3a3c1f52")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """How many events were handed on, and whether a delivery was queued for one of them."""

    events: int
    queued: bool


def relay_once(
    database: Database,
    connection: redis.Redis,
    *,
    batch: int = BATCH,
    teller: Teller | None = None,
    place: Place | None = None,
    services: Services | None = None,
) -> int:
    """Dispatch up to ``batch`` rows; return how many there were.

    With a ``teller`` merchants' own events are written down in the same transaction, once. With
    ``services`` handlers that must outlive the queue are run here; without, as jobs like others.

    Raises redis.RedisError or DatabaseUnavailableError with nothing removed; what was enqueued
    before that is enqueued again later.
    """

    def hand_on(events: Sequence[Event]) -> None:
        gathered: dict[str, list[Event]] = {}
        for event in events:
            together = GATHERED.get(event.topic)
            handler = HANDLERS.get(event.topic)
            if together is not None:
                gathered.setdefault(together, []).append(event)
            elif handler is not None and not _ran_here(handler, event, services):
                arguments = handler.arguments(event)
                enqueue(event.topic, arguments, job_id=_job_id(event), connection=connection)
        for topic, these in gathered.items():  # after what somebody waits for
            entries = [(str(event.member_id), event.payload["sequence"]) for event in these]
            job_id = _job_id_together(topic, these)
            enqueue(topic, {"entries": entries}, job_id=job_id, connection=connection)

    dispatched = dispatch(
        database, hand_on=hand_on, batch=batch, teller=teller, note=_note_spent, place=place
    )
    if dispatched.queued:
        ask_delivery(connection)
    return dispatched.events


def dispatch(
    database: Database,
    *,
    hand_on: Callable[[Sequence[Event]], None],
    batch: int = BATCH,
    teller: Teller | None = None,
    note: Callable[[Session, list[Event]], None] | None = None,
    place: Place | None = None,
) -> Dispatched:
    """Hand on up to ``batch`` rows in one transaction, which removes them; raises what it does.

    With a ``teller`` merchants' own events are written down in it, and their deliveries queued;
    ``note`` writes down what else may not be lost with a job.
    """
    queued = False
    with database.unit_of_work() as session:
        events = _bounded(take_waiting(session, limit=batch, place=place))
        hand_on(events)
        if teller is not None:
            happenings = teller.happenings(session, events=events)
            queued = tell(session, happenings=happenings, now=wall_now())
        if note is not None:
            note(session, events)
        remove_dispatched(session, event_ids=[event.event_id for event in events])
    return Dispatched(events=len(events), queued=queued)


def _note_spent(session: Session, events: list[Event]) -> None:
    untold.note(session, events=events, wall=wall_now())


def _ran_here(handler: Handler, event: Event, services: Services | None) -> bool:
    """Run a handler that must outlive the queue, in a unit of work of its own; whether it did.

    What fails for its own reasons keeps back no other event, nor does what others hold locked or
    what takes too long: a job tries it again.
    """
    if services is None or not handler.outlives_queue:
        return False
    try:
        handler.load()(services, **handler.arguments(event))
    except (DatabaseUnavailableError, DatabaseFullError):
        raise
    except Exception as error:  # noqa: BLE001 - the job will say why it fails
        log = structlog.get_logger("peyvand.relay")
        log.warning("left to a job", topic=event.topic, reason=type(error).__name__)
        return False
    return True


def _job_id(event: Event) -> str:
    """Return the same id each time: a database that was restored counts its events anew."""
    return f"event-{event.event_id}-{event.recorded_at.astimezone(UTC):%Y%m%d%H%M%S%f}"


def _job_id_together(topic: str, events: Sequence[Event]) -> str:
    """Return the same id for the same events, another for more: no old job knows of those.

    So a relay that fails again and again after its jobs were taken makes no heap of them.
    """
    ids = " ".join(_job_id(event) for event in events)
    return f"together-{uuid5(_TOGETHER, f'{topic} {ids}')}"


def _bounded(events: list[Event]) -> list[Event]:
    """Return the first of ``events``, as many as tell of a bounded number of entries."""
    total = 0
    for place, event in enumerate(events):
        total += weight(event)
        if total > MOST_ENTRIES and place:
            return events[:place]
    return events


def run(services: Services, connection: redis.Redis, *, stop: threading.Event) -> None:
    """Relay until ``stop`` is set; what fails, for whatever reason, is tried again."""
    guard = Guard(connection, part="relay")
    teller = Teller(vault=services.vault, entry_ids=services.entry_ids)

    place = Place()

    def once() -> int:
        return relay_once(
            services.database, connection, teller=teller, place=place, services=services
        )

    while not stop.is_set():
        relayed = guard.attempt("outbox", once)
        if relayed is None:
            stop.wait(FAILED_SECONDS)
        elif relayed < BATCH:
            stop.wait(IDLE_SECONDS)
