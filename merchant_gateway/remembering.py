"""A POST that moves no points: its answer is kept with what it did, in one unit of work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer
from network.merchants import answers


def once(call: Call, work: Callable[[Session], dict[str, Any]], *, status: int) -> Answer:
    """Do ``work`` in a unit of work and answer with its value, or with what it answered before.

    What ``work`` returns is kept for 30 days and must hold no secret; what it raises undoes all,
    the claimed key included. Raises IdempotencyConflict and RequestInProgressError.
    """
    claim = call.claim()
    with call.gateway.services.database.unit_of_work() as session:
        kept = answers.claim(session, claim=claim)
        if kept is not None:
            return Answer(payload=kept.answer, status=kept.status, replayed=True)
        payload = work(session)
        answers.keep(session, claim=claim, status=status, answer=payload, now=call.wall)
    return Answer(payload=payload, status=status)
