"""What ``peyvand doctor`` looks at in Valkey: the queues and who works on them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import redis
from rq import Worker
from rq.serializers import JSONSerializer

from config.findings import Finding, fine
from config.guarding import KEEPS_FAILING, failing
from config.queues import QUEUES, queue
from network.clock import wall_now
from network.language import gettext as _

_SILENT = timedelta(minutes=15)
"""A worker says each minute or so that it lives; RQ forgets one that has been silent for longer."""


def queues(client: redis.Redis) -> Iterator[Finding]:
    """Look for jobs that nobody takes, and for those that failed for good; raises RedisError."""
    alive: set[str] = set()
    for worker in Worker.all(connection=client, serializer=JSONSerializer):
        beat = worker.last_heartbeat
        if beat is not None and wall_now() - beat < _SILENT:
            alive.update(worker.queue_names())
    waiting = {name: queue(name, connection=client).count for name in QUEUES}
    idle = [f"{name} ({count})" for name, count in waiting.items() if count and name not in alive]
    yield Finding(
        check="workers",
        ok=not idle,
        found=_("jobs wait and nobody works on: %(queues)s", queues=", ".join(idle))
        if idle
        else _("%(count)s jobs wait, none for a worker", count=sum(waiting.values())),
        advice=_("Start the workers: 'peyvand up' does, or the part of that name.") if idle else "",
    )
    failed = {
        name: count
        for name in QUEUES
        if (count := queue(name, connection=client).failed_job_registry.count)
    }
    yield Finding(
        check="failed jobs",
        ok=True,
        found=", ".join(f"{name}: {count}" for name, count in failed.items()) or _("none"),
        advice=_("Read why in the console (Today, Jobs that failed) and try them again there.")
        if failed
        else "",
    )


def tasks(client: redis.Redis) -> Finding:
    """Look for a task of the schedule or the relay that keeps failing; raises redis.RedisError."""
    stuck = [each for each in failing(client) if each.failures >= KEEPS_FAILING]
    if not stuck:
        return fine("tasks", _("no task of the schedule or the relay keeps failing"))
    found = "; ".join(
        _(
            "%(task)s has failed %(count)s times since %(since)s (%(reason)s)",
            task=each.task,
            count=each.failures,
            since=each.since.isoformat(timespec="seconds"),
            reason=each.reason,
        )
        for each in stuck
    )
    advice = _("Read the log of the schedule and the relay.")
    return Finding(check="tasks", ok=False, found=found, advice=advice)
