"""The way to PostgreSQL: a pool, units of work (the only commit), and autocommit for the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import OperationalError
from psycopg.errors import ConnectionTimeout
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from network.database.direct import DirectConnections
from network.database.driver import Direct
from network.database.liveness import look_before_use
from network.database.watching import Watch
from network.errors import UnavailableError

_CONNECTION = "08"
_DEAD_LINE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""A machine that is gone without a word is noticed after half a minute, not after hours."""

_AWAY = {"57P01", "57P02", "57P03", "53300"}
"""It shuts down, crashed, is not up yet, or takes no further connection."""

_CANCELED = "57014"
_LOCKED_OUT = {"40P01", "55P03"}
"""It ended a deadlock at this call's cost, or the call waited too long for a lock."""

_FULL = {"53000", "53100", "53200", "53400"}
"""Appendix A of PostgreSQL's documentation, like the codes above."""


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL cannot be reached, or went away during the call: nothing is known to be done."""

    code = "database_unavailable"


class StatementTimeoutError(UnavailableError):
    """PostgreSQL is there, but ended a statement that took too long: nothing of it was done."""

    code = "statement_timeout"


class LockedOutError(UnavailableError):
    """PostgreSQL gave a unit of work up for others that hold what it needs: nothing was done."""

    code = "busy"


class DatabaseFullError(UnavailableError):
    """PostgreSQL is there, but has no disk or memory left for this: nothing of it was done."""

    code = "database_full"


class Database:
    """One process's pool of connections to PostgreSQL.

    ``unit_of_work`` is where work wider than one ledger call happens and the only place that
    commits. ``ledger`` hands out an autocommit connection for a call that only moves points: one
    function, one round trip; ``direct`` is the same without SQLAlchemy, for what is called all the
    time. ``reading`` is a read-only transaction; ``rehearsal`` tries something,
    ``scratch`` works something out.
    ``pool_size`` connections stay open; up to ``overflow`` more (else as many again) come and go.
    A server that says nothing for ``answer_seconds`` counts as lost, where people wait.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        overflow: int | None = None,
        application_name: str = "peyvand",
        answer_seconds: float | None = None,
    ) -> None:
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size if overflow is None else overflow,
            pool_timeout=5,
            pool_recycle=1800,
            hide_parameters=True,  # an error may be logged; what it was about may not
            connect_args={
                "application_name": application_name,
                "connect_timeout": int(min(5, answer_seconds or 5)),
                **_DEAD_LINE,
                "options": "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=60s",
            },
        )
        look_before_use(self.engine)
        self._watch = Watch(self.engine, seconds=answer_seconds)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._direct = DirectConnections(self.engine)

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """Yield a session; commit when the block ends, roll back when it raises."""
        with (
            _unavailable_if_lost(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session whose transaction is read only and never commits."""
        with _unavailable_if_lost(), Session(self.engine, expire_on_commit=False) as session:
            session.execute(text("SET TRANSACTION READ ONLY"))
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Yield a read-only session in which all statements see one moment (REPEATABLE READ)."""
        with _unavailable_if_lost(), Session(self.engine, expire_on_commit=False) as session:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            session.execute(text("SET LOCAL statement_timeout = 0"))
            yield session

    @contextmanager
    def ledger(self) -> Iterator[Connection]:
        """Yield an autocommit connection: each statement is a transaction of its own."""
        with _unavailable_if_lost(), self._autocommit.connect() as connection:
            yield connection

    @contextmanager
    def direct(self) -> Iterator[Direct]:
        """Yield the driver's own connection, in autocommit: a call that every request makes."""
        try:
            lent = self._direct.take()
            try:
                yield lent.connection
            finally:
                self._direct.give_back(lent)
        except (PoolTimeoutError, DBAPIError) as error:
            if (unavailable := _unavailable(error)) is None:
                raise
            raise unavailable from error

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """Yield a session in autocommit: for one read, in one round trip where ``reading`` takes 4.

        Nothing that needs two statements to see one moment.
        """
        with (
            self.ledger() as connection,
            Session(bind=connection, autoflush=False) as session,
        ):
            yield session

    @contextmanager
    def rehearsal(self) -> Iterator[Session]:
        """Yield a session whose transaction is rolled back whatever happens: nothing stays."""
        with _unavailable_if_lost(), Session(self.engine, expire_on_commit=False) as session:
            try:
                yield session
            finally:
                session.rollback()

    @contextmanager
    def scratch(self) -> Iterator[Session]:
        """Yield a session that sees one moment and may make temporary tables; nothing stays."""
        with self.rehearsal() as session:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            session.execute(text("SET LOCAL statement_timeout = 0"))
            yield session

    def dispose(self) -> None:
        """Close every connection that is not in use."""
        self._direct.close()
        self.engine.dispose()
        self._watch.close()


@contextmanager
def _unavailable_if_lost() -> Iterator[None]:
    try:
        yield
    except (PoolTimeoutError, DBAPIError) as error:
        if (unavailable := _unavailable(error)) is None:
            raise
        raise unavailable from error


def _unavailable(error: PoolTimeoutError | DBAPIError) -> UnavailableError | None:
    """Return what an error says of the server, None where it says nothing of it."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseUnavailableError("every connection to the database is in use")
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    if sqlstate == _CANCELED:
        return StatementTimeoutError("a statement took longer than the database lets it")
    if sqlstate in _LOCKED_OUT:
        return LockedOutError("others hold what this needs; nothing was done, try again")
    if sqlstate in _FULL:
        return DatabaseFullError("the database has no disk or memory left for this")
    unreachable = sqlstate.startswith(_CONNECTION) or sqlstate in _AWAY
    silent = sqlstate == "" and type(error.orig) in {OperationalError, ConnectionTimeout}
    if error.connection_invalidated or unreachable or silent:
        return DatabaseUnavailableError("the database cannot be reached")
    return None
