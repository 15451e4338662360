"""The queues that jobs wait in; each has a worker in ``peyvand up`` and in docker-compose.yml."""

from __future__ import annotations

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

MESSAGES = "messages"
"""What a person waits for: one-time codes, notices. Many small jobs."""

NOTICES = "notices"
"""What members are told at leisure: a night has many to tell, so codes wait apart."""

NIGHT = "night"
"""The settlement of a business day and the daily housekeeping: minutes, one at a time."""

BATCHES = "batches"
"""What merchants sent in one go: up to 10,000 lines a job, seconds."""

WEBHOOKS = "webhooks"
"""What merchants are told: a job delivers whatever is due."""

SANDBOXES = "sandboxes"
"""Whatever waits in merchants' sandboxes, apart from what live merchants wait for."""

QUEUES = (MESSAGES, NOTICES, BATCHES, WEBHOOKS, NIGHT, SANDBOXES)


def queue(name: str, *, connection: Redis) -> Queue:
    """Return the queue called ``name``; jobs travel as JSON, never as pickles."""
    if name not in QUEUES:
        raise KeyError(name)
    return Queue(name, connection=connection, serializer=JSONSerializer)
