"""The console's figures of the queues: a few round trips, however many jobs have failed."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from flask import Flask
from rq.job import Job

from config.jobs import enqueue
from config.queues import BATCHES, queue
from settlement.console import queues

FAILED = 40
COMMANDS = 3
"""The names of the queues; then all figures, or the newest ids, and those jobs, each at once."""


class Counting(redis.Redis):
    """A client that counts its round trips."""

    trips = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""
        self.trips += 1
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, *args: Any, **options: Any) -> Any:
        """Send many at once."""
        self.trips += 1
        return super().pipeline(*args, **options)


@pytest.fixture
def jobs(redis_client: redis.Redis) -> list[Job]:
    """Return jobs that failed, in the order in which they did."""
    batches = queue(BATCHES, connection=redis_client)
    made = []
    for number in range(FAILED):
        job = enqueue(
            "batches.received", {"batch_id": str(number)}, job_id=f"j{number}",
            connection=redis_client,
        )  # fmt: skip
        assert job is not None
        batches.failed_job_registry.add(job, ttl=1_000 + number)
        made.append(job)
    return made


def test_figures_take_a_few_round_trips(redis_client: redis.Redis, jobs: list[Job]) -> None:
    client = Counting(connection_pool=redis_client.connection_pool)
    app = Flask("console")
    app.extensions["queue_connection"] = client
    with app.app_context():
        (length,) = [each for each in queues.lengths() or [] if each.name == BATCHES]
        assert (length.waiting, length.running, length.failed) == (FAILED, 0, FAILED)
        assert client.trips <= COMMANDS
        client.trips = 0
        newest = queues.newest_failed(limit=3)
        assert [each.job_id for each in newest] == [job.id for job in reversed(jobs[-3:])]
        assert newest[0].payload == {"batch_id": str(FAILED - 1)}
        assert client.trips <= COMMANDS
