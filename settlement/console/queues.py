"""The queues, straight from the queue's Valkey: how long they are, what failed, trying it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import current_app
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.results import Result
from rq.serializers import JSONSerializer

MOST_SHOWN = 500
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLength:
    """Jobs of one queue that wait, run, and failed for good."""

    name: str
    waiting: int
    running: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """A job that ended in an error after its last attempt.

    ``payload`` has ids and days, never secrets; ``reason`` is the error's last line.
    """

    job_id: str
    queue: str
    topic: str
    payload: Mapping[str, str]
    queued_at: datetime | None
    failed_at: datetime | None
    reason: str


class QueuesUnreachableError(Exception):
    """The queue's Valkey does not answer."""


def lengths() -> list[QueueLength] | None:
    """Return the length of each queue, ``None`` where the queues can't be asked.

    Two round trips however many jobs and queues there are; clearing away is the workers' business.
    """
    connection = _connection()
    if connection is None:
        return None
    try:
        queues = _queues(connection)
        with connection.pipeline(transaction=False) as pipeline:
            for queue in queues:
                pipeline.llen(queue.key)
                pipeline.zcard(queue.started_job_registry.key)
                pipeline.zcard(queue.failed_job_registry.key)
            counts = iter(pipeline.execute())
    except RedisError:
        return None
    return [
        QueueLength(name=queue.name, waiting=waiting, running=running, failed=failed)
        for queue, waiting, running, failed in zip(queues, counts, counts, counts, strict=False)
    ]


def newest_failed(*, limit: int) -> list[FailedJob]:
    """Return the jobs that failed last, without their reasons; none where nobody can be asked.

    Three round trips however many jobs have failed.
    """
    connection = _connection()
    if connection is None:
        return []
    try:
        queues = _queues(connection)
        with connection.pipeline(transaction=False) as pipeline:
            for queue in queues:  # their scores say until when they are kept: all for as long
                pipeline.zrevrange(queue.failed_job_registry.key, 0, limit - 1, withscores=True)
            found = [pair for pairs in pipeline.execute() for pair in pairs]
        newest = sorted(found, key=lambda pair: pair[1], reverse=True)[:limit]
        jobs = Job.fetch_many(
            [name.decode() for name, _ in newest], connection=connection, serializer=JSONSerializer
        )
    except RedisError:
        return []
    return [_failed(job.origin, job, reason="") for job in jobs if job is not None]


def failed() -> list[FailedJob] | None:
    """Return the jobs that failed, the latest first, ``None`` where the queues can't be asked.

    Two round trips a queue and one for all reasons, however many jobs have failed.
    """
    connection = _connection()
    if connection is None:
        return None
    try:
        jobs = [
            job
            for queue in _queues(connection)
            for job in Job.fetch_many(
                queue.failed_job_registry.get_job_ids(0, MOST_SHOWN - 1),
                connection=connection,
                serializer=JSONSerializer,
            )
            if job is not None
        ]
        reasons = _reasons(connection, jobs)
    except RedisError:
        return None
    found = [_failed(job.origin, job, reason=reasons[job.id]) for job in jobs]
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda each: each.failed_at or never, reverse=True)[:MOST_SHOWN]


def retry(*, job_id: str) -> FailedJob | None:
    """Put a failed job back on its queue and return it; ``None`` where it no longer stands there.

    Every job can run twice, so one that did its work before it failed does no harm. Raises
    QueuesUnreachableError.
    """
    connection = _connection()
    if connection is None:
        raise QueuesUnreachableError
    try:
        job = Job.fetch(job_id, connection=connection, serializer=JSONSerializer)
        found = _failed(job.origin, job, reason=_reasons(connection, [job])[job.id])
        queue = Queue(job.origin, connection=connection, serializer=JSONSerializer)
        queue.failed_job_registry.requeue(job)
    except (InvalidJobOperation, NoSuchJobError):
        return None
    except RedisError as error:
        raise QueuesUnreachableError from error
    return found


def _reasons(connection: Any, jobs: Sequence[Job]) -> dict[str, str]:
    """Return the last line of each job's latest error, asked for in one round trip."""
    with connection.pipeline(transaction=False) as pipeline:
        for job in jobs:
            key = Result.get_key(job.id)  # type: ignore[no-untyped-call] # RQ says no types here
            pipeline.xrevrange(key, "+", "-", count=1)
        answers = pipeline.execute()
    return {job.id: _reason(job, answer) for job, answer in zip(jobs, answers, strict=True)}


def _reason(job: Job, answer: list[Any]) -> str:
    said = None
    if answer:
        result_id, payload = answer[0]
        said = Result.restore(
            job.id,
            result_id.decode(),
            payload,
            connection=job.connection,
            serializer=JSONSerializer,
        ).exc_string
    lines = (said or "").strip().splitlines()
    return lines[-1][:_LONGEST_REASON] if lines else ""


def _failed(queue: str, job: Job, *, reason: str) -> FailedJob:
    topic, payload = _call(job)
    return FailedJob(
        job_id=job.id,
        queue=queue,
        topic=topic,
        payload=payload,
        queued_at=job.enqueued_at,
        failed_at=job.ended_at,
        reason=reason,
    )


def _call(job: Job) -> tuple[str, Mapping[str, str]]:
    """Return the topic of a job and its payload, as texts."""
    match job.args:
        case (str() as topic, dict() as payload):
            return topic, {str(name): str(value) for name, value in payload.items()}
    return str(job.func_name), {}


def _queues(connection: Any) -> list[Queue]:
    found = Queue.all(connection=connection, serializer=JSONSerializer)
    return sorted(found, key=lambda each: each.name)


def _connection() -> Any:
    return current_app.extensions["queue_connection"]
