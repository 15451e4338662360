"""The RQ worker: runs jobs from the queues."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import redis
from rq import SimpleWorker, Worker
from rq.serializers import JSONSerializer

from config.queues import NIGHT, queue
from config.webhooks.delivering import STOPPING


class _InProcess(SimpleWorker):
    """Runs jobs in the worker itself, and lets a long one know that it should come to its end."""

    def handle_warm_shutdown_request(self) -> None:
        """Take the first SIGTERM."""
        STOPPING.set()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]


COLLECT_AFTER = 50_000
"""Objects that may be made before the collector looks for cycles: some megabytes. A chunk of a
batch makes tens of thousands that have none; without looking at them it takes a tenth less."""


def run(connection: redis.Redis, *, names: Sequence[str]) -> None:
    """Work on the queues called ``names``, first things first, until told to stop.

    A night gets a process of its own, which takes its memory along when it ends. Messages are
    many and small: they run in the worker itself, with its modules, keys and connections ready.
    A first SIGTERM lets the job in hand finish, a second one ends it. Retries wait in RQ's own
    scheduler, of which one worker at a time holds the lock.
    """
    gc.freeze()  # what a process holds for good is not looked at again
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    kind = Worker if NIGHT in names else _InProcess
    worker = kind(
        [queue(name, connection=connection) for name in names],
        connection=connection,
        serializer=JSONSerializer,
        log_job_description=False,
    )
    worker.work(with_scheduler=True, logging_level="WARNING")
