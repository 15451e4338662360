"""What the gateway has done for sandboxes by parts that it may not import."""

from __future__ import annotations

import time
from datetime import date, timedelta

import redis
import structlog

from merchant_gateway.errors import BusyError
from network.clearing import queries, runs
from network.services import Services

PATIENCE = timedelta(seconds=5)


class Hands:
    """Runs the nights of a sandbox in the process that asks, and wakes the sandboxes' worker."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def settle(self, services: Services, *, through: date, seconds: float) -> int:
        """Settle the days up to ``through`` in their order; return how many are left.

        No day is begun after ``seconds``, the first one excepted. Raises BusyError where another
        process settles one, and what a night raises.
        """
        # A gateway that nobody asks for a night need not load what runs one.
        from settlement.nightly import InProgressError, run_night

        give_up = time.monotonic() + seconds
        days = _unsettled(services, through=through)
        for number, day in enumerate(days):
            if number and time.monotonic() > give_up:
                return len(days) - number
            try:
                run_night(services, started_by="sandbox", business_date=day, patience=PATIENCE)
            except InProgressError as error:
                raise BusyError("another call settles this day") from error
        return 0

    def stir(self) -> None:
        """Ask for the sandboxes that are due; where Valkey is away, the schedule does."""
        from config.jobs import ask_sandboxes  # the queue's library, for who changes something

        try:
            ask_sandboxes(self._connection)
        except redis.RedisError as error:
            log = structlog.get_logger("peyvand.gateway")
            log.warning("sandbox not announced", reason=type(error).__name__)


def _unsettled(services: Services, *, through: date) -> list[date]:
    with services.database.reading() as session:
        first = queries.first_day(session)
        done = runs.last_done(session)
    start = first if done is None else done + timedelta(days=1)
    if start is None:
        return []
    return [start + timedelta(days=each) for each in range((through - start).days + 1)]
