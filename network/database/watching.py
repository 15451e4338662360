"""Connections that are given up when the server says nothing for too long.

A server whose machine stands still, or whose network swallows everything, closes nothing: whoever
asked would wait for ever, and its own limits for statements are of no use. So each connection notes
since when somebody waits for an answer on it, and a process that serves people hangs up on those
that wait longer than ``Watch`` was told: the statement then fails as on a lost connection. What
lies idle then is hung up on as well, because its next user would have to wait as long.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

RV = TypeVar("RV")
_TICK_SECONDS = 1.0


class WatchedConnection(psycopg.Connection[Any]):
    """A connection that knows since when it waits for the server."""

    asked_at: float | None = None

    def __init__(self, *args: Any, **named: Any) -> None:
        self._line = threading.Lock()
        super().__init__(*args, **named)

    def close(self) -> None:
        """Close as the driver does, but not while somebody hangs up on it."""
        with self._line:
            super().close()

    def wait(self, gen: Any, *args: Any, **named: Any) -> Any:
        """Wait as the driver does."""
        self.asked_at = monotonic()
        try:
            return super().wait(gen, *args, **named)
        finally:
            self.asked_at = None

    def hang_up(self) -> None:
        """Close the line under whoever waits on it in another thread.

        Nobody closes the connection meanwhile: its descriptor could be another line's by then.
        """
        with (
            suppress(OSError, psycopg.Error),
            self._line,
            socket.socket(fileno=os.dup(self.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)


class Watch:
    """Makes an engine's connections, and hangs up on who says nothing for ``seconds``.

    Without ``seconds`` a statement may take as long as the server lets it.
    """

    def __init__(self, engine: Engine, *, seconds: float | None) -> None:
        self._seconds = seconds
        self._connections: WeakSet[WatchedConnection] = WeakSet()
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None
        self._over = threading.Event()
        event.listen(engine, "do_connect", self._connect)

    def close(self) -> None:
        """Watch no more, until there is another connection."""
        with self._lock:
            watcher, self._watcher = self._watcher, None
            self._over.set()
        if watcher is not None:
            watcher.join()

    def _connect(self, _dialect: Any, _record: Any, args: Any, named: Any) -> WatchedConnection:
        made = WatchedConnection.connect(*args, **named)
        if self._seconds is None:
            return made
        with self._lock:
            self._connections.add(made)
            if self._watcher is None:
                self._over = threading.Event()
                self._watcher = threading.Thread(
                    target=self._keep_watch, args=(self._over, self._seconds), daemon=True
                )
                self._watcher.start()
        return made

    def _keep_watch(self, over: threading.Event, seconds: float) -> None:
        while not over.wait(min(_TICK_SECONDS, seconds / 4)):
            with self._lock:
                there = list(self._connections)
            latest = monotonic() - seconds
            overdue = [each for each in there if (each.asked_at or latest) < latest]
            if overdue:
                for each in [*overdue, *filter(_idle, there)]:
                    each.hang_up()


def _idle(connection: WatchedConnection) -> bool:
    return (
        connection.asked_at is None
        and connection.pgconn.transaction_status == TransactionStatus.IDLE
    )
