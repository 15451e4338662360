"""The driver's own connections, in autocommit, for what every request does.

A connection out of SQLAlchemy's pool is set to autocommit and back each time it is lent, and looked
at by several layers on its way: with a session for rarer reads about a twelfth of a signed earn.
These stay as they are. There are as many as threads use at once, beside those of the pool.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import NamedTuple

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine

from network.database.driver import Direct, as_sqlalchemys
from network.database.liveness import was_cut
from network.database.watching import WatchedConnection

RECYCLE_SECONDS = 1800.0


class Lent(NamedTuple):
    """A connection, and when it was opened by the monotonic clock."""

    connection: Direct
    opened: float


class DirectConnections:
    """Lends each thread the connection that was used last, or opens one as the engine does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[Lent] = deque()
        self._closed = False

    def take(self) -> Lent:
        """Return a connection, to be given back; raises what SQLAlchemy raises where none opens."""
        self._closed = False
        while True:
            try:
                lent = self._idle.pop()
            except IndexError:
                return Lent(self._open(), monotonic())
            connection, opened = lent
            if monotonic() - opened < RECYCLE_SECONDS and not was_cut(connection.connection):
                return lent
            connection.close()

    def give_back(self, lent: Lent) -> None:
        """Keep a connection for the next who takes one, unless it was lost or left half done."""
        server = lent.connection.connection.pgconn
        whole = server.transaction_status == TransactionStatus.IDLE
        if whole and not self._closed:
            self._idle.append(lent)
        else:  # lost, left in the middle of something, or come back after the end
            lent.connection.close()

    def close(self) -> None:
        """Close what is not lent; what is lent closes as it comes back, until one is lent anew."""
        self._closed = True
        while self._idle:
            self._idle.pop().connection.close()

    def _open(self) -> Direct:
        try:
            lent = self._engine.raw_connection()
        except psycopg.Error as error:
            raise as_sqlalchemys(error, lost=True) from error
        connection = lent.driver_connection
        if not isinstance(connection, WatchedConnection):
            raise TypeError(connection)
        lent.detach()
        connection.autocommit = True
        return Direct(connection)
