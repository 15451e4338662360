"""From the commit to the job: relay, worker and schedule on real services."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis
from sqlalchemy import text

from config import relay, schedule
from config.doctor_queue import tasks
from config.guarding import failing
from config.handlers import HANDLERS, KEEP_HOUSE
from config.queues import MESSAGES, NIGHT, QUEUES, queue
from config.relay import relay_once
from config.schedule import due_night, tick
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ledger.partitions import open_first_day
from network.messaging.queries import latest
from network.messaging.service import queue_sms
from network.services import Services
from network.settings import PROGRAMME_ZONE, Settings
from tests.browser.console import story as stories
from tests.conftest import MASTER_KEY, DatabaseUrls
from tests.fixtures.cluster import Cluster
from tests.fixtures.programme import Programme
from tests.integration.services.helpers import PATIENCE_SECONDS, environment, wait_for


def publish(database: Database, *topics: str) -> None:
    """Write one outbox row for each topic, in transactions of their own."""
    for number, topic in enumerate(topics):
        with database.unit_of_work() as session:
            session.execute(
                text("INSERT INTO network.outbox (topic, payload) VALUES (:topic, :payload)"),
                {"topic": topic, "payload": f'{{"message_id": "{UUID(int=number)}"}}'},
            )


def waiting(database: Database) -> int:
    """Return how many rows are in the outbox."""
    with database.reading() as session:
        count: int = session.execute(text("SELECT count(*) FROM network.outbox")).scalar_one()
    return count


@pytest.fixture
def process_environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a part that works on the test's database and queue."""
    return environment(
        tmp_path,
        DATABASE_URL=settings.database_url,
        REDIS_URL=settings.redis_url,
        PEYVAND_MASTER_KEY=base64.b64encode(MASTER_KEY).decode(),
    )


def part(*names: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a part as ``peyvand up`` does."""
    return subprocess.Popen([sys.executable, "-m", "config.parts", *names], env=env)


def end(process: subprocess.Popen[bytes]) -> int:
    """Stop a part as ``peyvand up`` does; return its exit code."""
    process.terminate()
    return process.wait(timeout=PATIENCE_SECONDS)


def test_the_relay_enqueues_in_order_and_leaves_nothing(
    database: Database, redis_client: redis.Redis
) -> None:
    publish(database, "messaging.message", "ledger.issuance", "messaging.message")
    assert relay_once(database, redis_client) == 3
    jobs = queue(MESSAGES, connection=redis_client).jobs
    assert [job.args[1]["message_id"] for job in jobs] == [str(UUID(int=0)), str(UUID(int=2))]
    assert waiting(database) == 0
    assert relay_once(database, redis_client) == 0


def test_a_queue_that_is_away_leaves_the_rows_waiting(database: Database) -> None:
    publish(database, "messaging.message")
    nowhere = redis.Redis(host="127.0.0.1", port=1)
    with pytest.raises(redis.ConnectionError):
        relay_once(database, nowhere)
    nowhere.close()
    assert waiting(database) == 1


def test_a_relay_killed_before_it_removes_delivers_again(
    cluster: Cluster,
    database_urls: DatabaseUrls,
    database: Database,
    owner_database: Database,
    redis_client: redis.Redis,
    process_environment: dict[str, str],
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(
            text(
                "CREATE FUNCTION network.dawdle() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN PERFORM pg_sleep(50); RETURN OLD; END $$"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER dawdle BEFORE DELETE ON network.outbox "
                "FOR EACH ROW EXECUTE FUNCTION network.dawdle()"
            )
        )
    publish(database, "messaging.message")
    messages = queue(MESSAGES, connection=redis_client)
    relay = part("relay", env=process_environment)
    wait_for(lambda: messages.count == 1)
    relay.send_signal(signal.SIGKILL)
    relay.wait(timeout=PATIENCE_SECONDS)
    with cluster.administrator() as connection:  # PostgreSQL itself sees it after the statement
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = %s AND application_name = 'peyvand-relay'",
            [database_urls.name],
        )
    with owner_database.unit_of_work() as session:
        session.execute(text("DROP TRIGGER dawdle ON network.outbox"))
    assert waiting(database) == 1
    assert relay_once(database, redis_client) == 1
    assert messages.count == 2
    assert waiting(database) == 0


class _Provider(BaseHTTPRequestHandler):
    """Refuses the first message it is given, takes the second."""

    taken: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, self.headers["Authorization"], body))
        self.send_response(503 if len(self.taken) == 1 else 202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def provider() -> Iterator[HTTPServer]:
    """Yield a provider of text messages on this machine."""
    _Provider.taken = []
    server = HTTPServer(("127.0.0.1", 0), _Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_message_goes_from_the_commit_to_the_provider(
    services: Services,
    redis_client: redis.Redis,
    process_environment: dict[str, str],
    provider: HTTPServer,
) -> None:
    with services.database.unit_of_work() as session:
        message_id = queue_sms(
            session,
            services.vault,
            recipient="+989121234567",
            body="کد شما: ۱۲۳۴۵۶",
            kind="sign_in",
            locale="fa",
            wall=wall_now(),
        )
    process_environment["PEYVAND_SMS_URL"] = f"http://127.0.0.1:{provider.server_port}/send"
    process_environment["PEYVAND_SMS_TOKEN"] = "test-secret"
    parts = [part("relay", env=process_environment)]
    parts.append(part("worker", MESSAGES, env=process_environment))

    def state() -> str:
        with services.database.reading() as session:
            found: str = session.execute(
                text("SELECT state FROM network.message WHERE message_id = :id"),
                {"id": message_id},
            ).scalar_one()
        return found

    try:
        wait_for(lambda: state() == "sent")
    finally:
        codes = [end(process) for process in parts]
    assert codes == [0, 0]
    (path, bearer, first), (_path, _bearer, second) = _Provider.taken
    assert (path, bearer, first) == ("/send", "Bearer test-secret", second)
    assert b"+989121234567" in second
    assert all("test-secret" not in str(key) for key in redis_client.scan_iter())


def test_a_redemption_is_announced_by_the_running_parts(
    services: Services,
    programme: Programme,
    redis_client: redis.Redis,
    process_environment: dict[str, str],
) -> None:
    story = stories.begin(services, programme, days_ago=0)
    for member_id in story.members[:3]:
        story.earn(member_id, story.shops[0], amount=9_000_000)
        story.redeem(member_id, story.shops[1], points=20)
    parts = [part("relay", env=process_environment)]
    parts.append(part("worker", MESSAGES, env=process_environment))

    def states() -> list[str]:
        with services.database.reading() as session:
            return [each.state for each in latest(session, services.vault)]

    try:
        wait_for(lambda: states() == ["sent"] * 3)
    finally:
        codes = [end(process) for process in parts]
    assert codes == [0, 0]


def test_the_schedule_asks_once_for_the_oldest_day_that_ended(
    services: Services, redis_client: redis.Redis
) -> None:
    noon = datetime(2026, 3, 5, 8, 30, tzinfo=UTC)
    today = local_date(noon, zone=PROGRAMME_ZONE)
    assert due_night(services.database, now=noon) is None
    with services.database.unit_of_work() as session:
        open_first_day(session, business_date=today)
    assert tick(services, redis_client, now=noon) is None
    tomorrow = noon + timedelta(days=1)
    assert tick(services, redis_client, now=tomorrow) == today
    assert tick(services, redis_client, now=tomorrow) is None
    (job,) = queue(NIGHT, connection=redis_client).jobs
    assert job.args == ["settlement.night", {"business_date": today.isoformat()}]


def test_a_task_that_fails_is_seen_and_stops_no_other(
    services: Services,
    owner_database: Database,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedule, "TICK_SECONDS", 0.01)
    # Without the owner's login: no partitions and no sandboxes are made here.
    mine = replace(services, settings=replace(services.settings, owner_url=None))
    with owner_database.unit_of_work() as session:
        session.execute(text("REVOKE SELECT ON network.batch FROM peyvand_app"))
    stop = threading.Event()
    thread = threading.Thread(target=schedule.run, args=(mine, redis_client), kwargs={"stop": stop})
    thread.start()
    try:
        wait_for(lambda: not tasks(redis_client).ok)
        (stuck,) = failing(redis_client)
        assert (stuck.task, stuck.reason) == ("schedule.batches", "ProgrammingError")
        assert "schedule.batches" in tasks(redis_client).found
        (asked,) = queue(NIGHT, connection=redis_client).jobs  # the last task of a tick
        assert asked.args == [KEEP_HOUSE, {}]
        with owner_database.unit_of_work() as session:
            session.execute(text("GRANT SELECT ON network.batch TO peyvand_app"))
        wait_for(lambda: tasks(redis_client).ok)
        assert failing(redis_client) == []
    finally:
        stop.set()
        thread.join()


def test_the_relay_outlives_any_error(
    services: Services,
    owner_database: Database,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "FAILED_SECONDS", 0.01)
    with owner_database.unit_of_work() as session:
        session.execute(text("REVOKE SELECT ON network.outbox FROM peyvand_app"))
        session.execute(text("INSERT INTO network.outbox (topic, payload) VALUES ('any', '{}')"))
    stop = threading.Event()
    thread = threading.Thread(
        target=relay.run, args=(services, redis_client), kwargs={"stop": stop}
    )
    thread.start()
    try:
        wait_for(lambda: not tasks(redis_client).ok)
        with owner_database.unit_of_work() as session:
            session.execute(text("GRANT SELECT ON network.outbox TO peyvand_app"))
        wait_for(lambda: waiting(services.database) == 0)
        wait_for(lambda: tasks(redis_client).ok)
    finally:
        stop.set()
        thread.join()


def test_every_handler_exists_and_has_a_worker() -> None:
    for topic, handler in HANDLERS.items():
        assert callable(handler.load()), topic
        assert handler.queue in QUEUES


def test_the_schedule_asks_for_messages_that_nobody_tries(
    services: Services, redis_client: redis.Redis
) -> None:
    wall = wall_now()
    with services.database.unit_of_work() as session:
        message_id = queue_sms(
            session,
            services.vault,
            recipient="+989123456789",
            body="",
            kind="redeemed",
            locale="fa",
            wall=wall,
        )
    assert schedule.ask_messages(services, redis_client, wall=wall) == []
    later = wall + schedule.MESSAGE_LEFT_ALONE + timedelta(minutes=1)
    assert schedule.ask_messages(services, redis_client, wall=later) == [message_id]
    assert schedule.ask_messages(services, redis_client, wall=later) == []
    messages = queue(MESSAGES, connection=redis_client)
    (job,) = messages.jobs
    assert job.args == ["messaging.message", {"message_id": str(message_id)}]
    # Nothing is asked for while much waits.
    messages.empty()  # type: ignore[no-untyped-call]
    for number in range(schedule.LONG_QUEUE):
        messages.enqueue("config.jobs.run", "any", {}, job_id=f"other-{number}")
    assert schedule.ask_messages(services, redis_client, wall=later) == []
    messages.empty()  # type: ignore[no-untyped-call]
    assert schedule.ask_messages(services, redis_client, wall=later) == [message_id]
