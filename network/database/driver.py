"""A statement on an autocommit connection by the driver itself, past SQLAlchemy's own machinery.

For the few reads and calls that every request makes: SQLAlchemy takes two to four times as long to
hand a statement over as psycopg does, which is a good part of a signed earn. Errors come out as
SQLAlchemy's, so that callers need not know which way was taken.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ClauseElement

Direct = psycopg.Connection[Any]
"""A connection of the driver in autocommit, as ``Database.direct`` lends it."""

Channel = Connection | Session | Direct
"""What a statement can be sent by: alone, in a session's transaction, or by the driver itself."""

_OUTDATED = {"0A000", "26000"}
"""What was prepared on this connection is no more what it was: a migration came between."""

_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def rows_of(connection: Channel, statement: Executable, parameters: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a statement that was built once and binds plain values by name.

    On an autocommit connection the driver runs it; anywhere else SQLAlchemy does, in the
    transaction there is. Raises SQLAlchemy's DBAPIError.
    """
    if isinstance(connection, psycopg.Connection):
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

    ``row`` makes a row with names; it is known once the statement has run.
    """

    query: bytes
    names: list[str]
    constants: Mapping[str, Any]
    row: Callable[[Iterable[Any]], Any] | None = None


def _by_driver(driver: Direct, statement: Executable, parameters: Mapping[str, Any]) -> list[Any]:
    """Run a statement, which the driver then searches for no names; rows are described once."""
    written = _written(statement)
    constants = written.constants
    values = [parameters[name] if name in parameters else constants[name] for name in written.names]
    try:
        cursor = psycopg.RawCursor(driver).execute(written.query, values)
        if written.row is None:
            written.row = _row_of([column.name for column in cursor.description or ()])
        return [*map(written.row, cursor.fetchall())]
    except psycopg.Error as error:
        if error.sqlstate in _OUTDATED:
            written.row = None
            driver.close()
        raise as_sqlalchemys(error, lost=driver.closed) from error


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
    return _Written(query=str(compiled).encode(), names=names, constants=dict(compiled.params))
