"""A statement on an autocommit connection by the driver itself, past SQLAlchemy's own machinery.

For the few reads and calls that every request makes: SQLAlchemy takes two to four times as long to
hand a statement over as psycopg does, which is a good part of a signed earn. Errors come out as
SQLAlchemy's, so that callers need not know which way was taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ClauseElement

Direct = psycopg.Connection[Any]
"""A connection of the driver in autocommit, as ``Database.direct`` lends it."""

Channel = Connection | Session | Direct
"""What a statement can be sent by: alone, in a session's transaction, or by the driver itself."""

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


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


def _by_driver(driver: Direct, statement: Executable, parameters: Mapping[str, Any]) -> list[Any]:
    try:
        with driver.cursor(row_factory=namedtuple_row) as cursor:
            written, constants = _written(statement)
            return cursor.execute(written, {**constants, **parameters}).fetchall()
    except psycopg.Error as error:
        raise DBAPIError.instance(
            None,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=driver.closed,
        ) from error


@cache
def _written(statement: Executable) -> tuple[bytes, Mapping[str, Any]]:
    """Return a statement as the driver takes it, and the constants in it; each is written once."""
    if not isinstance(statement, ClauseElement):
        raise TypeError(statement)
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled).encode(), dict(compiled.params)
