"""One day's night while it runs: who holds it, how it reports, how its writes are fenced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from network.clearing import runs
from network.services import Services
from settlement.lease import Lease

STEPS = ("close", "seal", "prove", "mature", "obligations", "positions", "statements", "publish")
"""The steps of a night in their order; ``done`` follows the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How far a night is: ``done`` of ``total`` in ``step`` (both 0 where nothing is counted)."""

    business_date: date
    step: str
    done: int
    total: int


Progress = Callable[[Report], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A claimed run. ``now`` is programme time and ``wall`` wall time, both read once."""

    services: Services
    business_date: date
    window_id: UUID
    run_id: UUID
    token: UUID
    now: datetime
    wall: datetime
    lease: Lease
    progress: Progress

    def report(self, step: str, *, done: int = 0, total: int = 0) -> None:
        """Store and tell how far the night is; raise ClaimLostError."""
        with self.writing(step, done=done, total=total):
            pass

    @contextmanager
    def writing(self, step: str, *, done: int = 0, total: int = 0) -> Iterator[Session]:
        """Yield a unit of work that commits only while this run is still held.

        It locks the run first, so a runner that lost it can not write beside the one that has it.
        """
        with self.services.database.unit_of_work() as session:
            self.hold(session, step, done=done, total=total)
            yield session
        self.progress(Report(business_date=self.business_date, step=step, done=done, total=total))

    def hold(self, session: Session, step: str, *, done: int = 0, total: int = 0) -> None:
        """Lock the run until the session's transaction ends; raise ClaimLostError."""
        self.lease.check()
        runs.advance(
            session,
            run_id=self.run_id,
            token=self.token,
            step=step,
            done=min(done, total),
            total=total,
        )
