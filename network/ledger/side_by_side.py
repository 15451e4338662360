"""Reading one moment with several connections: what one session has to do, done beside each other.

PostgreSQL can let processes of its own share a statement, but only by giving each a part of the
rows, and each looks at all rows to find its part. Whole statements beside each other read nothing
twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

T = TypeVar("T")

_WROTE = text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
_EXPORT = text("SELECT pg_export_snapshot()")


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
    snapshot = session.execute(_EXPORT).scalar_one() if helpers else ""
    engine = session.connection().engine
    with ThreadPoolExecutor(max_workers=max(1, helpers)) as threads:
        for _ in range(helpers):
            threads.submit(_help, engine, snapshot, work, prepare)
        try:
            for result in work.results:
                while not result.done() and work.do_next(session):
                    pass
                yield result.result()
        finally:
            work.stop()


class _Work(Generic[T]):
    """Tasks that wait, and the results of all."""

    def __init__(self, tasks: Sequence[Callable[[Session], T]]) -> None:
        self.results: list[Future[T]] = [Future() for _ in tasks]
        self._waiting = deque(zip(self.results, tasks, strict=True))
        self._lock = Lock()
        self._helpers: list[Session] = []

    def do_next(self, session: Session) -> bool:
        """Do the first task that waits; return whether there was one."""
        with self._lock:
            if not self._waiting:
                return False
            result, task = self._waiting.popleft()
        try:
            result.set_result(task(session))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            result.set_exception(error)
        return True

    def join(self, helper: Session) -> None:
        """Note a helper, so that its statement can be ended."""
        with self._lock:
            self._helpers.append(helper)

    def stop(self) -> None:
        """Let no further task begin, and end what helpers still do for nobody."""
        with self._lock:
            self._waiting.clear()
            if not all(result.done() for result in self.results):
                for helper in self._helpers:
                    driver = helper.connection().connection.driver_connection
                    driver.cancel()  # type: ignore[union-attr]


def _help(
    engine: Engine, snapshot: str, work: _Work[T], prepare: Callable[[Session], None]
) -> None:
    try:
        with Session(engine) as session:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            session.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
            session.execute(text("SET LOCAL statement_timeout = 0"))
            prepare(session)
            work.join(session)
            while work.do_next(session):
                pass
    except (OperationalError, PoolTimeoutError):
        return  # no connection to be had, or it broke between two tasks: the others go on
