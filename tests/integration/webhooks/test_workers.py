"""The worker of the webhooks' queue as a process: asked by the relay, killed, and told to stop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from config.jobs import ask_delivery
from config.queues import WEBHOOKS, queue
from config.schedule import ask_webhooks
from network.clock import wall_now
from network.events.webhooks.deliveries import LEASE
from network.settings import Settings
from tests.conftest import MASTER_KEY
from tests.fixtures.programme import Programme
from tests.integration.services.helpers import PATIENCE_SECONDS, environment, wait_for
from tests.integration.webhooks.desk import Desk
from tests.integration.webhooks.receiver import Received, Receiver, answering, receiving


async def hold_the_first(
    receiver: Receiver, _request: Received, writer: asyncio.StreamWriter
) -> None:
    """Leave the first request without an answer for a while, and take all others."""
    if len(receiver.requests) == 1:
        await asyncio.sleep(PATIENCE_SECONDS)
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.fixture
def worker_environment(settings: Settings, tmp_path: Path, programme: Programme) -> dict[str, str]:
    """Return the environment of a worker that may reach this machine: a simulated installation."""
    return environment(
        tmp_path,
        DATABASE_URL=settings.database_url,
        REDIS_URL=settings.redis_url,
        PEYVAND_MASTER_KEY=base64.b64encode(MASTER_KEY).decode(),
        PEYVAND_WEBHOOK_LOOPBACK="1",
    )


class Workers:
    """Starts workers of the webhooks' queue and leaves none behind."""

    def __init__(self, given: dict[str, str]) -> None:
        self.environment = given
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start one as ``peyvand up`` does."""
        command = [sys.executable, "-m", "config.parts", "worker", WEBHOOKS]
        process = subprocess.Popen(command, env=self.environment, start_new_session=True)
        self.started.append(process)
        return process


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker with the process that keeps its retries, and collect it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=PATIENCE_SECONDS)


@pytest.fixture
def workers(worker_environment: dict[str, str]) -> Iterator[Workers]:
    """Yield what starts workers."""
    workers = Workers(worker_environment)
    yield workers
    for process in workers.started:
        kill(process)


def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_under_the_same_id(
    desk: Desk, workers: Workers, redis_client: redis.Redis
) -> None:
    with receiving(hold_the_first) as receiver:
        desk.endpoint(receiver.url)
        desk.happen()
        ask_delivery(redis_client)
        first = workers.start()
        receiver.wait_for(1)
        kill(first)
        desk.happen(5)
        assert not [each for each in desk.log() if each.state == "delivered"]
        # It is nobody else's until its lease is over; then the schedule asks for it by itself.
        assert ask_webhooks(desk.services, redis_client, wall=wall_now())
        workers.start()
        receiver.wait_for(6)
        assert len(set(receiver.ids())) == 6
        wait_for(lambda: sum(each.state == "delivered" for each in desk.log()) == 5)
        cut = desk.log()[0]
        assert (cut.state, [each.outcome for each in cut.attempts]) == ("waiting", [None])
        assert cut.next_attempt_at is not None
        assert cut.next_attempt_at - cut.attempts[0].started_at == LEASE
        desk.make_due()
        ask_webhooks(desk.services, redis_client, wall=wall_now())  # if no worker was sooner
        receiver.wait_for(7)
        wait_for(lambda: all(each.state == "delivered" for each in desk.log()))
        assert sorted(receiver.ids()).count(receiver.ids()[0]) == 2
        again = desk.log()[0]
        assert [each.outcome for each in again.attempts] == [None, "delivered"]


def test_a_worker_told_to_stop_ends_what_it_began(
    desk: Desk, workers: Workers, redis_client: redis.Redis
) -> None:
    told = threading.Event()

    async def when_told(_self: Receiver, _request: Received, writer: asyncio.StreamWriter) -> None:
        assert await asyncio.to_thread(told.wait, PATIENCE_SECONDS)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    with receiving(when_told) as receiver:
        desk.endpoint(receiver.url)
        desk.happen()
        ask_delivery(redis_client)
        worker = workers.start()
        receiver.wait_for(1)
        worker.terminate()
        told.set()
        assert worker.wait(timeout=PATIENCE_SECONDS) == 0
        assert desk.only().state == "delivered"


def test_what_is_due_is_asked_for_once(desk: Desk, redis_client: redis.Redis) -> None:
    assert not ask_webhooks(desk.services, redis_client, wall=wall_now())
    assert queue(WEBHOOKS, connection=redis_client).count == 0
    with receiving(answering(204)) as receiver:
        desk.endpoint(receiver.url)
        desk.happen()
        for _ in range(3):
            assert ask_webhooks(desk.services, redis_client, wall=wall_now())
        assert queue(WEBHOOKS, connection=redis_client).count == 1
