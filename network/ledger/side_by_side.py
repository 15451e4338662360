"""Reading one moment with several connections: what one session has to do, done beside each other.

PostgreSQL can let processes of its own share a statement, but only by giving each a part of the
rows, and each looks at all rows to find its part. Whole statements beside each other read nothing
twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, Generic, TypeVar

from psycopg import Error as PsycopgError
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

T = TypeVar("T")

_WROTE = text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
_EXPORT = text("SELECT pg_export_snapshot()")
_WAITS = text("SET LOCAL idle_in_transaction_session_timeout = 0")
"""Who is done first waits for the others, however long their last task takes."""

_LOOK_AGAIN_SECONDS = 0.1
"""A helper that was between two statements when it was called back is called back again."""


def in_order(
    session: Session,
    tasks: Sequence[Callable[[Session], T]],
    *,
    helpers: int,
    prepare: Callable[[Session], None],
) -> Iterator[T]:
    """Yield what the tasks return, in their order; each is done by the session or by a helper.

    Helpers are read-only sessions of their own at the session's REPEATABLE READ snapshot, each made
    ready by ``prepare``. What the session's own transaction has written only it can see, so then it
    works alone; so it does where no further connection is to be had.
    """
    work = _Work(tasks)
    if session.execute(_WROTE).scalar_one():
        helpers = 0
    snapshot = ""
    if helpers:
        snapshot = session.execute(_EXPORT).scalar_one()
        session.execute(_WAITS)
    engine = session.connection().engine
    with ThreadPoolExecutor(max_workers=max(1, helpers)) as threads:
        helping = [threads.submit(_help, engine, snapshot, work, prepare) for _ in range(helpers)]
        try:
            for result in work.results:
                while not result.done() and (done := work.do_next(session)) is not None:
                    if done.exception() is not None:
                        done.result()  # the session is at its end: nobody waits for the others
                yield result.result()
        finally:
            work.stop()
            while wait(helping, timeout=_LOOK_AGAIN_SECONDS).not_done:
                work.stop()


class _Work(Generic[T]):
    """Tasks that wait, and the results of all."""

    def __init__(self, tasks: Sequence[Callable[[Session], T]]) -> None:
        self.results: list[Future[T]] = [Future() for _ in tasks]
        self._waiting = deque(zip(self.results, tasks, strict=True))
        self._lock = Lock()
        self._at_work: set[Any] = set()

    def do_next(self, session: Session) -> Future[T] | None:
        """Do the first task that waits; return its result, ``None`` where none waits.

        After one that failed the session does nothing more: its transaction is over.
        """
        with self._lock:
            if not self._waiting:
                return None
            result, task = self._waiting.popleft()
        try:
            result.set_result(task(session))
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            result.set_exception(error)
        except BaseException as error:
            result.set_exception(error)
            raise
        return result

    @contextmanager
    def at_work(self, connection: Any) -> Iterator[None]:
        """Note a helper's connection of the driver while its statements may have to be ended."""
        with self._lock:
            self._at_work.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.discard(connection)

    def stop(self) -> None:
        """Let no further task begin, and end what helpers still do for nobody."""
        with self._lock:
            self._waiting.clear()
            for connection in self._at_work:
                with suppress(PsycopgError):  # it broke, so it does nothing any more
                    connection.cancel()


def _help(
    engine: Engine, snapshot: str, work: _Work[T], prepare: Callable[[Session], None]
) -> None:
    try:
        with Session(engine) as session:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            session.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
            session.execute(text("SET LOCAL statement_timeout = 0"))
            session.execute(_WAITS)
            prepare(session)
            with work.at_work(session.connection().connection.driver_connection):
                while (done := work.do_next(session)) is not None and done.exception() is None:
                    pass
    except (OperationalError, PoolTimeoutError):
        return  # no connection to be had, or it broke between two tasks: the others go on
