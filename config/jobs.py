"""What a worker runs. A job is a topic and a payload of ids; its services live in its process."""

from __future__ import annotations

import os
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import redis
import structlog
from rq import Retry
from rq.job import Job
from rq.timeouts import BaseTimeoutException

from config.environment import load_settings
from config.handlers import HANDLERS, TEND_SANDBOXES
from config.queues import BATCHES, SANDBOXES, WEBHOOKS, queue
from network.clock import local_date, wall_now
from network.database.installation import ProgrammeClock
from network.errors import PeyvandError, UnavailableError
from network.events.webhooks.deliveries import DUE_TOPIC
from network.ids import EntryKey
from network.services import Services
from network.settings import PROGRAMME_ZONE

FAILURES_KEPT_SECONDS = 30 * 24 * 3600


def enqueue(
    topic: str, payload: dict[str, Any], *, job_id: str, connection: redis.Redis
) -> Job | None:
    """Put the job for ``topic`` on its queue under ``job_id``; ``None`` where none is wanted."""
    handler = HANDLERS.get(topic)
    if handler is None:
        return None
    pauses = list(handler.retry_seconds)
    return queue(handler.queue, connection=connection).enqueue_call(
        "config.jobs.run",
        args=[topic, payload],
        job_id=job_id,
        timeout=handler.timeout_seconds,
        result_ttl=0,
        failure_ttl=FAILURES_KEPT_SECONDS,
        retry=Retry(max=len(pauses), interval=pauses) if pauses else None,
    )


def ask_delivery(connection: redis.Redis) -> None:
    """Ask for what is due to be delivered; not where a job for it waits already."""
    if queue(WEBHOOKS, connection=connection).count == 0:
        enqueue(DUE_TOPIC, {}, job_id=f"webhooks-{uuid4()}", connection=connection)


def ask_sandboxes(connection: redis.Redis) -> None:
    """Ask for the sandboxes that are due; not where a job for it waits already."""
    if queue(SANDBOXES, connection=connection).count == 0:
        enqueue(TEND_SANDBOXES, {}, job_id=f"sandboxes-{uuid4()}", connection=connection)


def run(topic: str, payload: dict[str, Any]) -> None:
    """Run the handler of ``topic`` in this worker."""
    structlog.get_logger("peyvand.jobs").info("job", topic=topic)
    HANDLERS[topic].load()(_services(), **payload)


def settle_night(services: Services, *, business_date: str) -> None:
    """Run the night of the business day that ended."""
    from settlement.nightly import run_night  # a worker of messages need not load it

    run_night(services, business_date=date.fromisoformat(business_date), started_by="schedule")


def work_batch(services: Services, *, batch_id: str) -> None:
    """Work a batch off; then, while no other waits, seal those that are done for whom they name.

    What is not sealed so, the night seals: a body that does not let itself be keeps no batch back.
    """
    from merchant_gateway.batches.keeping import keep_bodies
    from merchant_gateway.batches.work import run_batch  # a worker of messages need not load it

    run_batch(services, batch_id=batch_id)
    failed: set[UUID] = set()
    with redis.Redis.from_url(services.settings.redis_url) as client:
        waiting = queue(BATCHES, connection=client)
        try:
            while waiting.count == 0 and keep_bodies(services, failed=failed):
                pass
        except Exception as error:  # noqa: BLE001 - the batch is done, and the night tries again
            structlog.get_logger("peyvand.jobs").warning(
                "a batch is sealed later", reason=type(error).__name__
            )


def reconcile(services: Services, *, reconciliation_id: str) -> None:
    """Read and match a merchant's record of a day; an attempt that fails is counted, and why."""
    from network.reconciliation.attempts import begin_attempt, note_failure
    from network.reconciliation.service import work_off  # a worker of messages need not load it

    record = UUID(reconciliation_id)
    with services.database.unit_of_work() as session:
        begun = begin_attempt(session, reconciliation_id=record, wall=wall_now())
    if not begun:
        return
    try:
        with services.database.unit_of_work() as session:
            work_off(session, services.vault, reconciliation_id=record, wall=wall_now())
    except Exception as error:
        reason = error.code if isinstance(error, PeyvandError) else type(error).__name__
        with services.database.unit_of_work() as session:
            note_failure(session, reconciliation_id=record, reason=reason, wall=wall_now())
        raise


def announce_redemption(
    services: Services, *, member_id: str, sequence: int, points: int, merchant_id: str
) -> None:
    """Tell a member at once that points were spent."""
    from network.notices import service as notices  # a worker of nights need not load it

    with services.database.unit_of_work() as session:
        notices.announce_redemption(
            session,
            services.vault,
            member_id=UUID(member_id),
            sequence=sequence,
            points=points,
            merchant_id=UUID(merchant_id),
            wallet_url=services.settings.wallet_url,
            now=ProgrammeClock(services.database).now(),
            wall=wall_now(),
        )


def announce_entries(services: Services, *, entries: list[tuple[str, int]]) -> None:
    """Tell members of refunds, and of points that became available; once each.

    An entry that cannot be told keeps back itself and no other: halves are told apart. The job
    fails all the same, so it is tried again, and stands among those that failed.
    """
    from network.notices.entries import announce

    try:
        with services.database.unit_of_work() as session:
            announce(
                session,
                services.vault,
                entries=[EntryKey(UUID(member_id), sequence) for member_id, sequence in entries],
                wallet_url=services.settings.wallet_url,
                wall=wall_now(),
            )
    except (UnavailableError, BaseTimeoutException):
        raise
    except Exception:
        if len(entries) == 1:
            raise
        middle = len(entries) // 2
        failed: Exception | None = None
        for half in (entries[:middle], entries[middle:]):
            try:
                announce_entries(services, entries=half)
            except (UnavailableError, BaseTimeoutException):
                raise  # its alarm rings once: what went on now would do so without an end
            except Exception as error:  # noqa: BLE001 - raised below, once the others are told
                failed = error
        if failed is not None:
            raise failed from None


def tell_expiring(services: Services) -> None:
    """Tell members of points that expire, a bounded number of pieces; the schedule asks again."""
    from network.notices import expiring

    today = local_date(ProgrammeClock(services.database).now(), zone=PROGRAMME_ZONE)
    for _ in range(expiring.PIECES):
        with services.database.unit_of_work() as session:
            more = expiring.tell_piece(
                session,
                services.vault,
                today=today,
                wallet_url=services.settings.wallet_url,
                wall=wall_now(),
            )
        if not more:
            return


def announce_night(services: Services, *, business_date: str, state: str) -> None:
    """Tell the operators who asked for it that a night has ended, or stands still; once each."""
    from network.clearing import queries as clearing
    from network.messaging.operators import tell_operators
    from settlement.news import night_news

    day = date.fromisoformat(business_date)
    with services.database.unit_of_work() as session:
        run = clearing.run(session, business_date=day)
        about = "" if run is None else f"{run.run_id}\n{run.error_code or ''}"
        tell_operators(
            session,
            services.vault,
            about=f"night\n{business_date}\n{state}\n{about}",
            texts=night_news(
                business_date=day, state=state, run=run, console=services.settings.console_url
            ),
            wall=wall_now(),
        )


def announce_way_in(services: Services, *, proposal_id: str, stage: str) -> None:
    """Tell a merchant's administrators that operators let somebody in there; once each."""
    from network.portal.ways_in import tell_administrators  # a worker of nights need not load it

    with services.database.unit_of_work() as session:
        tell_administrators(
            session,
            services.vault,
            proposal_id=UUID(proposal_id),
            stage=stage,
            portal=services.settings.portal_url,
            wall=wall_now(),
        )


def announce_key(services: Services, *, key_id: str) -> None:
    """Tell a merchant's administrators that a live key was registered; once each."""
    from network.portal.news import tell_of_key

    with services.database.unit_of_work() as session:
        tell_of_key(
            session,
            services.vault,
            key_id=key_id,
            portal=services.settings.portal_url,
            wall=wall_now(),
        )


def announce_account(services: Services, *, agreement_id: str) -> None:
    """Tell a merchant's administrators that another account is paid from a day on; once each."""
    from network.portal.news import tell_of_account

    with services.database.unit_of_work() as session:
        tell_of_account(
            session,
            services.vault,
            agreement_id=UUID(agreement_id),
            portal=services.settings.portal_url,
            wall=wall_now(),
        )


def announce_code(services: Services, *, digest: str, stage: str) -> None:
    """Tell a merchant's person, and its administrators, of a code for that person; once each."""
    from network.portal.announcing import tell

    with services.database.unit_of_work() as session:
        tell(
            session,
            services.vault,
            digest=digest,
            stage=stage,
            portal=services.settings.portal_url,
            wall=wall_now(),
        )


def announce_access(services: Services) -> None:
    """Have the gateway read keys and merchants anew, where whoever changed them could not say so.

    Counting once more than needed costs each process a read of its keys.
    """
    from network.merchants import access_epoch

    with redis.Redis.from_url(services.settings.redis_url) as client:
        access_epoch.announce(client)


@cache
def _services() -> Services:
    """Build the services once in the process that runs jobs."""
    settings = load_settings(os.environ)
    return Services.from_settings(settings, application_name="peyvand-worker")
