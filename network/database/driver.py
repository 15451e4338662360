"""A statement on an autocommit connection by the driver itself, past SQLAlchemy's own machinery.

For the few reads and calls that every request makes: SQLAlchemy takes two to four times as long to
hand a statement over as psycopg does, and psycopg's cursor two to five times as long as libpq; both
were a good part of a signed earn. Errors come out as SQLAlchemy's, so that callers need not know
which way was taken.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.types.json import set_json_loads
from sqlalchemy import Connection, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ClauseElement

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

    from network.database.watching import WatchedConnection


class Direct:
    """A connection in autocommit, as ``Database.direct`` lends it, and what it has prepared.

    A statement is prepared at its first use, under a name that psycopg does not know, and its
    values go as text (bytes as they are) whose types PostgreSQL finds in the statement. So one
    statement is one plan, whatever the size of the numbers in it.
    """

    def __init__(self, connection: WatchedConnection) -> None:
        self.connection = connection
        set_json_loads(_read_json, connection)
        self._names: dict[bytes, bytes] = {}
        self._transformer = Transformer(connection)

    @property
    def lost(self) -> bool:
        """Return whether nothing more can be asked on it."""
        return self.connection.closed

    def close(self) -> None:
        """Close it, whatever state it is in."""
        self.connection.close()

    def run(self, written: _Written, values: list[Any]) -> list[Any]:
        """Return the rows of a statement; raises psycopg's errors."""
        name = self._names.get(written.query) or self._prepare(written.query)
        transformer = self._transformer
        kinds = tuple(map(type, values))
        formats = written.formats  # another thread may write others meanwhile
        if kinds != formats[0]:
            formats = (kinds, [_BINARY if each is bytes else _TEXT for each in kinds])
            written.formats = formats
        sent = transformer.dump_sequence(values, formats[1])
        connection = self.connection
        connection.asked_at = monotonic()
        try:
            result = connection.pgconn.exec_prepared(
                name,
                sent,  # type: ignore[arg-type]  # None is NULL, which the types forget
                transformer.formats,
            )
        finally:
            connection.asked_at = None
        if result.status not in _FINE:
            raise self._error(result)
        if written.row is None:
            names = [result.fname(column) for column in range(result.nfields)]
            written.row = _row_of([(each or b"").decode() for each in names])
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, written.row)

    def _prepare(self, query: bytes) -> bytes:
        name = b"direct_%d" % len(self._names)
        self.connection.asked_at = monotonic()
        try:
            result = self.connection.pgconn.prepare(name, query)
        finally:
            self.connection.asked_at = None
        if result.status not in _FINE:
            raise self._error(result)
        self._names[query] = name
        return name

    def _error(self, result: PGresult) -> psycopg.Error:
        if result.error_field(DiagnosticField.SQLSTATE) is None:  # the connection itself failed
            return psycopg.OperationalError(result.get_error_message())
        return error_from_result(result)


Channel = Connection | Session | Direct
"""What a statement can be sent by: alone, in a session's transaction, or by the driver itself."""

_TEXT, _BINARY = PyFormat.TEXT, PyFormat.BINARY
_FINE = {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}
_OUTDATED = {"0A000", "26000"}
"""What was prepared on this connection is no more what it was: a migration came between."""

_decode_json = json.JSONDecoder().decode
_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def rows_of(connection: Channel, statement: Executable, parameters: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a statement that was built once and binds plain values by name.

    On an autocommit connection the driver runs it; anywhere else SQLAlchemy does, in the
    transaction there is. Raises SQLAlchemy's DBAPIError.
    """
    if isinstance(connection, Direct):
        return _by_driver(connection, statement, parameters)
    if isinstance(connection, Session) or connection.in_transaction():
        return list(connection.execute(statement, dict(parameters)).all())
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection) or not driver.autocommit:
        return list(connection.execute(statement, dict(parameters)).all())
    try:
        return _by_driver(driver, statement, parameters)
    except DBAPIError as error:
        if error.connection_invalidated:
            connection.invalidate(error.orig)
        raise


@dataclass(slots=True)
class _Written:
    """A statement as the driver takes it: its values by place, the constants among them by name.

    ``row`` makes a row with names; it is known once the statement has run. ``formats`` are those of
    the last values, by their types, which are mostly those of the next.
    """

    query: bytes
    names: list[str]
    constants: Mapping[str, Any]
    row: Callable[[Iterable[Any]], Any] | None = None
    formats: tuple[tuple[type, ...], list[PyFormat]] = ((), [])


def _read_json(raw: str | bytes) -> Any:
    """Return a value of type json: it comes as UTF-8, which the library's way would look for."""
    return _decode_json(raw if isinstance(raw, str) else raw.decode())


def _by_driver(
    driver: Direct | psycopg.Connection[Any],
    statement: Executable,
    parameters: Mapping[str, Any],
) -> list[Any]:
    """Run a statement, which the driver then searches for no names; rows are described once."""
    written = _written(statement)
    if written.constants:
        parameters = {**written.constants, **parameters}
    values = [*map(parameters.get, written.names)]
    try:
        if isinstance(driver, Direct):
            return driver.run(written, values)
        return _by_cursor(driver, written, values)
    except psycopg.Error as error:
        if error.sqlstate in _OUTDATED:
            written.row = None
            driver.close()
        lost = driver.lost if isinstance(driver, Direct) else driver.closed
        raise as_sqlalchemys(error, lost=lost) from error


def _by_cursor(driver: psycopg.Connection[Any], written: _Written, values: list[Any]) -> list[Any]:
    """Run a statement on a connection of the pool, where psycopg itself minds what is prepared."""
    cursor = psycopg.RawCursor(driver).execute(written.query, values)
    if written.row is None:
        written.row = _row_of([column.name for column in cursor.description or ()])
    return [*map(written.row, cursor.fetchall())]


def as_sqlalchemys(error: psycopg.Error, *, lost: bool) -> BaseException:
    """Return an error of the driver as SQLAlchemy would raise it; ``lost``: with its connection."""
    return DBAPIError.instance(
        None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost
    )


def _row_of(columns: list[str]) -> Callable[[Iterable[Any]], Any]:
    """Return what makes a row with these names out of its values."""
    make: Callable[[Iterable[Any]], Any] = getattr(namedtuple("Row", columns), "_make")  # noqa: B009, PYI024
    return make


@cache
def _written(statement: Executable) -> _Written:
    """Return a statement as the driver takes it; each is written once."""
    if not isinstance(statement, ClauseElement):
        raise TypeError(statement)
    compiled = statement.compile(dialect=_DIALECT)
    names = getattr(compiled, "positiontup", None) or []
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return _Written(query=str(compiled).encode(), names=names, constants=constants)
