"""The schedule: asks at each tick what is due, so that a missed tick is only a late one.

No table of timers and no cron: a business day that has ended and is not settled is a fact of the
database. Several schedules may run; the unique row of a night decides which worker settles it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

import redis
import structlog
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from sqlalchemy import text

from config.guarding import Guard
from config.handlers import (
    ANNOUNCE_SPENT,
    KEEP_HOUSE,
    NIGHT_STALLED,
    RECONCILE,
    SETTLE_NIGHT,
    TELL_EXPIRING,
    WORK_BATCH,
)
from config.jobs import ask_delivery, ask_sandboxes, enqueue
from config.preparation import DAYS_AHEAD, DAYS_BEHIND, days_around, make_partitions
from config.queues import MESSAGES, queue
from config.sandboxes.making import keep_quietly
from network.batches import queries as batches
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.database.installation import ProgrammeClock
from network.events.webhooks.deliveries import any_due
from network.exposure import measuring
from network.merchants import access_epoch
from network.messaging import queries as messages
from network.messaging.service import TOPIC as MESSAGE
from network.notices import expiring, untold
from network.reconciliation import attempts as records
from network.sandboxes import queries as sandboxes
from network.services import Services
from network.settings import PROGRAMME_ZONE

TICK_SECONDS = 5.0
RETRY_NIGHT_SECONDS = 300
"""How long a night that failed or fell silent is left alone before the schedule asks again."""

SILENT_SECONDS = 120
NIGHT_BEGINS_WITHIN = timedelta(hours=1)
"""A night whose worker says nothing for so long, or that does not begin within, stands still."""

LEFT_ALONE = timedelta(seconds=30)
"""After that, a batch that nobody has touched is given to a worker again."""

RECORD_LEFT_ALONE = timedelta(minutes=2)
"""The same for a record of a day, which a worker matches in one go."""

MESSAGE_LEFT_ALONE = timedelta(minutes=1)
"""The same for a message, from the moment on at which it should have been tried."""

EXPIRING_FROM_HOUR = 8
"""Members are told what expires once the morning has begun, from what they have by then."""

EXPIRING_LEFT_ALONE = timedelta(minutes=15)
"""The same for that job: longer than it may take."""

LONG_QUEUE = 50
"""Jobs of messages that wait; with so many, whatever is not asked for now is asked for later."""

_DUE = text(
    """
    SELECT min(d.business_date)
    FROM ledger.business_day AS d
    LEFT JOIN network.settlement_run AS r
        ON r.business_date = d.business_date AND r.state <> 'aborted'
    WHERE d.business_date < :today
      AND (r.run_id IS NULL OR r.state NOT IN ('done', 'stopped'))
      AND (r.finished_at IS NULL
           OR r.finished_at < clock_timestamp() - make_interval(secs => :pause))
      AND (r.state IS DISTINCT FROM 'running'
           OR r.heartbeat_at < clock_timestamp() - make_interval(secs => :pause))
    """
)

_SILENT = text(
    """
    SELECT min(d.business_date)
    FROM ledger.business_day AS d
    LEFT JOIN network.settlement_run AS r
        ON r.business_date = d.business_date AND r.state <> 'aborted'
    WHERE d.business_date < :today
      AND (r.run_id IS NULL
           OR r.state = 'running'
              AND r.heartbeat_at < clock_timestamp() - make_interval(secs => :silence))
      AND NOT EXISTS (SELECT FROM network.settlement_run AS b
                      WHERE b.business_date < d.business_date AND b.state IN ('failed', 'stopped'))
    """
)


def due_night(database: Database, *, now: datetime) -> date | None:
    """Return the oldest business day that has ended by ``now`` and is not settled."""
    today = local_date(now, zone=PROGRAMME_ZONE)
    with database.reading() as session:
        due: date | None = session.execute(
            _DUE, {"today": today, "pause": RETRY_NIGHT_SECONDS}
        ).scalar()
    return due


def tick(services: Services, connection: redis.Redis, *, now: datetime) -> date | None:
    """Ask for the night that is due, if there is one; return its business day when asked."""
    due = due_night(services.database, now=now)
    if due is None:
        return None
    job_id = f"night-{due.isoformat()}"
    if _under_way(job_id, connection):
        return None
    enqueue(SETTLE_NIGHT, {"business_date": due.isoformat()}, job_id=job_id, connection=connection)
    return due


def run(services: Services, connection: redis.Redis, *, stop: threading.Event) -> None:
    """Tick until ``stop`` is set; each task of a tick is guarded alone, so the others go on."""
    guard = Guard(connection, part="schedule")
    tasks = Tasks(services, connection)
    while not stop.is_set():
        for name, task in tasks.all():
            guard.attempt(name, task)
        stop.wait(TICK_SECONDS)


class Tasks:
    """What a tick does, by name, and what this process remembers from one tick to the next."""

    def __init__(self, services: Services, connection: redis.Redis) -> None:
        self._services = services
        self._connection = connection
        self._clock = ProgrammeClock(services.database)
        self._partitioned: date | None = None
        self._house_kept: date | None = None
        self._checked: date | None = None
        self._told: set[date] = set()

    def all(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Yield the tasks in their order."""
        services, connection = self._services, self._connection
        yield "partitions", self._partition
        yield "night", self._night
        yield "stalled_night", self._stalled
        for name, ask in (
            ("batches", ask_batches),
            ("records", ask_records),
            ("messages", ask_messages),
            ("untold", ask_untold),
            ("webhooks", ask_webhooks),
            ("exposure", measure_exposure),
            ("sandboxes", ask_sandboxes_due),
        ):
            yield name, partial(ask, services, connection, wall=wall_now())
        yield "expiring", self._expiring
        yield "spare_sandboxes", self._keep_sandboxes
        yield "housekeeping", self._keep_house

    def _partition(self) -> None:
        self._partitioned = _partition_ahead(self._services, self._clock.now(), self._partitioned)

    def _night(self) -> None:
        asked = tick(self._services, self._connection, now=self._clock.now())
        if asked is not None:
            log = structlog.get_logger("peyvand.schedule")
            log.info("night asked for", business_date=asked.isoformat())

    def _stalled(self) -> None:
        now = self._clock.now()
        tell_stalled(self._services, self._connection, now=now, told=self._told)

    def _expiring(self) -> None:
        ask_expiring(self._services, self._connection, now=self._clock.now(), wall=wall_now())

    def _keep_sandboxes(self) -> None:
        self._checked = keep_quietly(self._services, now=wall_now(), checked=self._checked)

    def _keep_house(self) -> None:
        self._house_kept = ask_housekeeping(
            self._connection, today=_wall_date(), kept=self._house_kept
        )


def tell_stalled(
    services: Services, connection: redis.Redis, *, now: datetime, told: set[date]
) -> date | None:
    """Have operators told of a night that stands still; return its business day when asked.

    That is one whose worker has been silent for minutes, and one that has not begun an hour after
    its day. ``told`` are the days that this process has asked for.
    """
    with services.database.reading() as session:
        silent: date | None = session.execute(
            _SILENT,
            {
                "today": local_date(now - NIGHT_BEGINS_WITHIN, zone=PROGRAMME_ZONE),
                "silence": SILENT_SECONDS,
            },
        ).scalar()
    if silent is None or silent in told:
        return None
    told.add(silent)
    enqueue(
        NIGHT_STALLED,
        {"business_date": silent.isoformat(), "state": "stalled"},
        job_id=f"stalled-{silent.isoformat()}",
        connection=connection,
    )
    return silent


def ask_housekeeping(connection: redis.Redis, *, today: date, kept: date | None) -> date:
    """Ask for the day's housekeeping unless it was asked for on ``today``; return ``today``.

    After a restart it is asked for once more, and finds little to do.
    """
    job_id = f"housekeeping-{today.isoformat()}"
    if kept != today and not _under_way(job_id, connection):
        enqueue(KEEP_HOUSE, {}, job_id=job_id, connection=connection)
    return today


def ask_webhooks(services: Services, connection: redis.Redis, *, wall: datetime) -> bool:
    """Ask for the deliveries that are due; return whether there are any."""
    with services.database.reading() as session:
        due = any_due(session, now=wall)
    if due:
        ask_delivery(connection)
    return due


def ask_sandboxes_due(services: Services, connection: redis.Redis, *, wall: datetime) -> bool:
    """Ask for the sandboxes that are due; return whether there are any."""
    with services.database.reading() as session:
        due = sandboxes.any_due(session, now=wall)
    if due:
        ask_sandboxes(connection)
    return due


def ask_batches(services: Services, connection: redis.Redis, *, wall: datetime) -> list[UUID]:
    """Ask for batches whose worker died or whose job was lost; return which.

    A job says that it is under way long after its worker was killed, so each half minute has a job
    of its own; one too many finds the batch held or done.
    """
    with services.database.reading() as session:
        found = batches.left_alone(session, before=wall - LEFT_ALONE)
    asked = []
    for batch_id in found:
        job_id = f"batch-{batch_id}-{wall.timestamp() // LEFT_ALONE.total_seconds():.0f}"
        if not _under_way(job_id, connection):
            payload = {"batch_id": str(batch_id)}
            enqueue(WORK_BATCH, payload, job_id=job_id, connection=connection)
            asked.append(batch_id)
    return asked


def measure_exposure(services: Services, connection: redis.Redis, *, wall: datetime) -> bool:
    """Measure what issuers owe, at every tick; return whether somebody may issue now, or no more.

    It is a sum over the open day, so it runs here and waits behind no queue.
    """
    with services.database.unit_of_work() as session:
        measured = measuring.measure(session, now=wall)
    if measured is None or not measured.switched:
        return False
    access_epoch.announce(connection)
    return True


def ask_records(services: Services, connection: redis.Redis, *, wall: datetime) -> list[UUID]:
    """Ask for merchants' records whose worker died or whose job was lost; return which."""
    with services.database.reading() as session:
        found = records.left_alone(session, before=wall - RECORD_LEFT_ALONE)
    for reconciliation_id in found:
        stretch = wall.timestamp() // RECORD_LEFT_ALONE.total_seconds()
        job_id = f"record-{reconciliation_id}-{stretch:.0f}"
        if not _under_way(job_id, connection):
            payload = {"reconciliation_id": str(reconciliation_id)}
            enqueue(RECONCILE, payload, job_id=job_id, connection=connection)
    return found


def ask_messages(services: Services, connection: redis.Redis, *, wall: datetime) -> list[UUID]:
    """Ask for messages that nobody tries any more, though they wait; return which.

    Their job was lost, or has made its few attempts while the provider was away. One that came too
    late to be sent is marked as failed by the worker that looks at it. Asked for once an hour for
    each attempt, and not at all while the queue is long: codes stand in it too.
    """
    if queue(MESSAGES, connection=connection).count >= LONG_QUEUE:
        return []
    with services.database.reading() as session:
        found = messages.left_alone(session, before=wall - MESSAGE_LEFT_ALONE)
    asked = []
    for message_id, attempts in found:
        job_id = f"message-{message_id}-{attempts}-{wall:%Y%m%d%H}"
        if not _under_way(job_id, connection):
            payload = {"message_id": str(message_id)}
            enqueue(MESSAGE, payload, job_id=job_id, connection=connection)
            asked.append(message_id)
    return asked


def ask_untold(services: Services, connection: redis.Redis, *, wall: datetime) -> list[UUID]:
    """Ask for spendings whose member has not been told, though a job should have done it.

    Not while the queue is long: their first jobs may stand in it. Returns the notices' ids.
    """
    if queue(MESSAGES, connection=connection).count >= LONG_QUEUE:
        return []
    with services.database.unit_of_work() as session:
        due = untold.take_due(session, wall=wall)
    for each in due:
        payload = {
            "member_id": str(each.wallet_id),
            "sequence": each.sequence,
            "points": each.points,
            "merchant_id": str(each.merchant_id),
        }
        job_id = f"spent-{each.notice_id}-{wall:%Y%m%d%H%M}"
        enqueue(ANNOUNCE_SPENT, payload, job_id=job_id, connection=connection)
    return [each.notice_id for each in due]


def ask_expiring(
    services: Services, connection: redis.Redis, *, now: datetime, wall: datetime
) -> bool:
    """Ask for the day's news of expiring points, until it is done; return whether it was asked."""
    local = now.astimezone(PROGRAMME_ZONE)
    if local.hour < EXPIRING_FROM_HOUR:
        return False
    with services.database.reading() as session:
        if expiring.done(session, today=local.date()):
            return False
    stretch = wall.timestamp() // EXPIRING_LEFT_ALONE.total_seconds()
    job_id = f"expiring-{local.date().isoformat()}-{stretch:.0f}"
    if _under_way(job_id, connection):
        return False
    enqueue(TELL_EXPIRING, {}, job_id=job_id, connection=connection)
    return True


def _wall_date() -> date:
    return local_date(wall_now(), zone=PROGRAMME_ZONE)


def _partition_ahead(services: Services, now: datetime, partitioned: date | None) -> date | None:
    """Make the partitions of the coming weeks, once a day, where we may act as the owner."""
    today = max(local_date(now, zone=PROGRAMME_ZONE), _wall_date())
    if services.settings.owner_url is None or partitioned == today:
        return partitioned
    first, last = days_around(today, behind=DAYS_BEHIND, ahead=DAYS_AHEAD)
    make_partitions(services.settings.owner_url, first=first, last=last)
    return today


def _under_way(job_id: str, connection: redis.Redis) -> bool:
    try:
        job = Job.fetch(job_id, connection=connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return False
    return job.get_status() in {JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED}
