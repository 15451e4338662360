"""The nightly run: close the day, seal it, mature what is due, and settle.

Days settle in their order, each once. Whoever inserts the row of a day runs it; a run whose
holder went silent is taken over, a second runner waits and gets the first one's result. Ids
follow from facts and nothing stored is written twice, so a run that was killed at any step is
started again from its beginning and comes to the same bytes. A day that is settled is reckoned
again and held against the hash of its input when it is asked for once more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from network.clearing import queries, runs, service
from network.clearing.facts import RunView
from network.clearing.parties import clearing_id
from network.clock import local_date, wall_now
from network.database.connection import LockedOutError
from network.database.installation import ProgrammeClock
from network.errors import InvariantError, PeyvandError
from network.ids import uuid7
from network.services import Services
from network.settings import PROGRAMME_ZONE
from settlement import controls, steps
from settlement.lease import STALE_AFTER, Lease
from settlement.night import Night, Progress, Report
from settlement.reckoning import reckon

VERSION = 1
"""The version of the rules by which a day is reckoned; part of the run's key."""

_LOOK_EVERY_SECONDS = 0.1
_STORE_AFTER_SECONDS = (0.0, 0.5, 2.0)
"""A database that has just gone may be back in a moment; how a night ended is worth waiting for."""

_TAKEN = "23505"
_log = structlog.get_logger("settlement")


class DayNotOverError(PeyvandError):
    """The business day that was asked for has not ended yet."""

    code = "settlement_day_not_over"


class UnknownDayError(PeyvandError):
    """The business day that was asked for lies before the first one, or there is none yet."""

    code = "settlement_day_unknown"


class InProgressError(PeyvandError):
    """Another process is settling that day and has not finished within the caller's patience."""

    code = "settlement_in_progress"


class EarlierDayError(PeyvandError):
    """An earlier day does not settle; the days after it wait for it."""

    code = "settlement_earlier_day"

    def __init__(self, *, day: date, wanted: date, reason: str) -> None:
        super().__init__(f"{wanted} waits for {day}, which did not settle: {reason}")
        self.day = day


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A settled day. ``replayed`` says that it was settled before; ``earlier`` what came first."""

    business_date: date
    run_id: UUID
    window_id: UUID
    run_key: str
    replayed: bool
    control_totals: dict[str, Any]
    obligations: int
    positions: int
    statements: int
    earlier: tuple[date, ...] = ()


def run_night(
    services: Services,
    *,
    started_by: str,
    business_date: date | None = None,
    progress: Progress | None = None,
    patience: timedelta = timedelta(minutes=10),
    stale_after: timedelta = STALE_AFTER,
) -> Result:
    """Settle a business day, by default the last that ended, and those before it that wait.

    ``patience`` is how long to wait for another process that settles the same day. Raises
    DayNotOverError, UnknownDayError, InProgressError, EarlierDayError, ControlTotalsError,
    InputChangedError, and what the steps raise; the run's row says the same.
    """
    now = ProgrammeClock(services.database).now()
    wanted, waiting = _days(services, business_date=business_date, now=now)
    runner = _Runner(
        services=services,
        started_by=started_by,
        progress=progress or _quiet,
        patience=patience,
        stale_after=stale_after,
    )
    earlier = [day for day in waiting if day < wanted]
    for day in earlier:
        try:
            runner.settle(day)
        except PeyvandError as error:
            raise EarlierDayError(day=day, wanted=wanted, reason=error.message) from error
    return runner.settle(wanted, earlier=tuple(earlier))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runner:
    services: Services
    started_by: str
    progress: Progress
    patience: timedelta
    stale_after: timedelta

    def settle(self, day: date, *, earlier: tuple[date, ...] = ()) -> Result:
        """Settle one day whose predecessors are settled, or find that it has been."""
        token = uuid7()
        run = self._claim(day, token=token)
        if run.state == "done":
            self._verify(run)
            return _result(self.services, run, replayed=True, earlier=earlier)
        with (
            _told(self.services, run_id=run.run_id, token=token),
            Lease(
                self.services.database,
                run_id=run.run_id,
                token=token,
                stale_after=self.stale_after,
            ) as lease,
        ):
            night = Night(
                services=self.services,
                business_date=day,
                window_id=self._window_id(day),
                run_id=run.run_id,
                token=token,
                now=ProgrammeClock(self.services.database).now(),
                wall=wall_now(),
                lease=lease,
                progress=self.progress,
            )
            steps.close(night)
            steps.seal(night)
            steps.prove(night)
            steps.mature(night)
            netted = steps.obligations(night)
            steps.positions(night, netted=netted)
            drafts, checks = steps.statements(night)
            steps.publish(night, drafts=drafts, checks=checks)
        self.progress(Report(business_date=day, step="done", done=0, total=0))
        finished = self._find(day)
        return _result(self.services, finished or run, replayed=False, earlier=earlier)

    def _claim(self, day: date, *, token: UUID) -> RunView:
        """Return the run, held by ``token`` or done; wait for another holder within patience."""
        give_up = time.monotonic() + self.patience.total_seconds()
        while True:
            key = _run_key(day, attempt=self._attempt(day))
            run = self._try_claim(day, key=key, token=token)
            found = run or self._find(day)
            if run is not None or (found is not None and found.state == "done"):
                return _same_key(found or run, key=key)
            if time.monotonic() >= give_up:
                raise InProgressError(f"another process is settling {day}")
            time.sleep(_LOOK_EVERY_SECONDS)

    def _try_claim(self, day: date, *, key: str, token: UUID) -> RunView | None:
        try:
            with self.services.database.unit_of_work() as session:
                return runs.claim(
                    session,
                    run_id=clearing_id("run", key),
                    business_date=day,
                    run_key=key,
                    version=VERSION,
                    token=token,
                    started_by=self.started_by,
                    stale_after=self.stale_after,
                )
        except LockedOutError:
            return None  # its holder is writing, so it lives
        except IntegrityError as error:
            # Two runners that insert a day at the same moment meet at the primary key before the
            # date that the statement looks at; whoever comes second looks again.
            if getattr(error.orig, "sqlstate", None) != _TAKEN:
                raise
            return None

    def _attempt(self, day: date) -> int:
        with self.services.database.reading() as session:
            return service.attempt_of(session, first_day=day)

    def _window_id(self, day: date) -> UUID:
        """Return the window that a run which is claimed settles: no other can be aborted now."""
        return service.window_key(day, attempt=self._attempt(day))

    def _find(self, day: date) -> RunView | None:
        with self.services.database.reading() as session:
            return runs.find(session, business_date=day)

    def _verify(self, run: RunView) -> None:
        """Raise InputChangedError where a settled day would be reckoned from other input now."""
        with self.services.database.scratch() as session:
            window = queries.window(session, window_id=_stored_window(run))
            found = None if window is None else reckon(session, window=window)
        if found is None or found.input_hash != run.input_hash:
            raise runs.InputChangedError(
                f"{run.business_date} is settled, but from other input than is found now"
            )


@contextmanager
def _told(services: Services, *, run_id: UUID, token: UUID) -> Iterator[None]:
    """Store on the run how it ended when it does not end well, then raise on."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, runs.ClaimLostError):
            _store_failure(services, run_id=run_id, token=token, error=error)
        raise


def _store_failure(services: Services, *, run_id: UUID, token: UUID, error: BaseException) -> None:
    stopped = isinstance(error, controls.ControlTotalsError | runs.InputChangedError)
    totals = (
        controls.as_json(error.checks) if isinstance(error, controls.ControlTotalsError) else None
    )
    code, reason = _words(error)
    _log.error("settlement.failed", code=code, reason=reason)
    for pause in _STORE_AFTER_SECONDS:
        time.sleep(pause)
        try:
            with services.database.unit_of_work() as session:
                runs.finish(
                    session,
                    run_id=run_id,
                    token=token,
                    state="stopped" if stopped else "failed",
                    control_totals=totals,
                    error_code=code,
                    error=reason,
                )
        except (PeyvandError, SQLAlchemyError) as unsaid:
            # Never instead of the cause. The row keeps its last heartbeat and is taken over when
            # that is old.
            _log.warning("settlement.failure_not_stored", reason=_words(unsaid)[1])
            if isinstance(unsaid, runs.ClaimLostError):
                return
        else:
            return


def _words(error: BaseException) -> tuple[str, str]:
    """Return an error's code and what it says; of PostgreSQL's the condition, never the values."""
    if isinstance(error, PeyvandError):
        return error.code, error.message
    name = type(error).__name__
    sqlstate = getattr(getattr(error, "orig", None), "sqlstate", None)
    return "internal", name if sqlstate is None else f"{name}, SQLSTATE {sqlstate}"


def _days(
    services: Services, *, business_date: date | None, now: datetime
) -> tuple[date, list[date]]:
    """Return the day asked for, and all days up to it that are not settled yet."""
    today = local_date(now, zone=PROGRAMME_ZONE)
    wanted = business_date or today - timedelta(days=1)
    if wanted >= today:
        raise DayNotOverError(f"{wanted} has not ended yet")
    with services.database.reading() as session:
        first = queries.first_day(session)
        last_done = runs.last_done(session)
    if first is None or wanted < first:
        raise UnknownDayError(
            "the ledger has no business day yet"
            if first is None
            else f"the first business day was {first}"
        )
    start = first if last_done is None else last_done + timedelta(days=1)
    return wanted, [start + timedelta(days=n) for n in range((wanted - start).days + 1)]


def _result(
    services: Services, run: RunView, *, replayed: bool, earlier: tuple[date, ...]
) -> Result:
    with services.database.reading() as session:
        counts = queries.counts(session, window_id=_stored_window(run))
    return Result(
        business_date=run.business_date,
        run_id=run.run_id,
        window_id=_stored_window(run),
        run_key=run.run_key,
        replayed=replayed,
        control_totals=run.control_totals or {},
        obligations=counts[0],
        positions=counts[1],
        statements=counts[2],
        earlier=earlier,
    )


def _same_key(run: RunView | None, *, key: str) -> RunView:
    if run is None or run.run_key != key:
        raise runs.InputChangedError("this day was begun under other rules than these")
    return run


def _run_key(day: date, *, attempt: int) -> str:
    """Return the key of a day's run: programme, window (day and attempt) and version of rules."""
    again = "" if attempt == 1 else f":{attempt}"
    return f"peyvand:{day}{again}:v{VERSION}"


def _stored_window(run: RunView) -> UUID:
    if run.window_id is None:
        raise InvariantError(f"the run of {run.business_date} has no window")
    return run.window_id


def _quiet(report: Report) -> None:
    """Tell nobody."""
