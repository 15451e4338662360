"""Whether the server has hung up on a pooled connection, told without a trip to it.

A server that restarts, fails over or is told to end a session closes its side of the socket, and
an idle socket on which nothing was asked has nothing to read unless that happened. One look at the
socket when a connection leaves the pool therefore finds what was cut while nobody used it, for a
microsecond instead of the round trip that a ping costs; the caller gets a fresh connection and
never learns of it. A host that vanished without a word is met by the statement's own time limit.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.pq import ConnStatus
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError


def look_before_use(engine: Engine) -> None:
    """Have every connection that leaves the pool of ``engine`` looked at, and replaced if cut."""
    event.listen(engine, "checkout", _refuse_cut)


def _refuse_cut(connection: Any, _record: object, _fairy: object) -> None:
    if isinstance(connection, psycopg.Connection) and was_cut(connection):
        raise DisconnectionError("the server has closed this connection")


def was_cut(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the server has closed an idle connection; asks it nothing.

    What else may lie on the socket, such as a notice or the reason of a goodbye, is read and kept;
    the second look then finds the end behind it. Looking with libpq, which never waits here, keeps
    the interpreter's lock; with a poller of Python's each look would hand it to another thread.
    """
    server = connection.pgconn
    try:
        server.consume_input()
        server.consume_input()
    except psycopg.OperationalError:
        return True
    return server.status != ConnStatus.OK
