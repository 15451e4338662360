"""The driver's own connections, in autocommit, for what every request does.

A connection out of SQLAlchemy's pool is set to autocommit and back each time it is lent, and looked
at by several layers on its way: with a session for rarer reads about a twelfth of a signed earn.
These stay as they are. There are as many as threads use at once, beside those of the pool.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine

from network.database.driver import Direct, as_sqlalchemys
from network.database.liveness import was_cut
from network.database.watching import WatchedConnection

RECYCLE_SECONDS = 1800.0


class DirectConnections:
    """Lends each thread the connection that was used last, or opens one as the engine does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[tuple[Direct, float]] = deque()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[Direct]:
        """Yield a connection; raises what SQLAlchemy raises where none can be opened."""
        connection, opened = self._take()
        try:
            yield connection
        finally:
            server = connection.connection.pgconn
            whole = server.transaction_status == TransactionStatus.IDLE
            if whole and not self._closed:
                self._idle.append((connection, opened))
            else:  # lost, left in the middle of something, or come back after the end
                connection.close()

    def close(self) -> None:
        """Close what is not lent; what is lent closes as it comes back, until one is lent anew."""
        self._closed = True
        while self._idle:
            self._idle.pop()[0].close()

    def _take(self) -> tuple[Direct, float]:
        self._closed = False
        while True:
            try:
                connection, opened = self._idle.pop()
            except IndexError:
                return self._open(), monotonic()
            if monotonic() - opened < RECYCLE_SECONDS and not was_cut(connection.connection):
                return connection, opened
            connection.close()

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
