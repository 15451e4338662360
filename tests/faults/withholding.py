"""A line to PostgreSQL that fails: it swallows the answers, or is cut after so many bytes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

from config.services.postgres import PORT

_CHUNK = 65_536


class WithholdingLine:
    """Listens in ``directory`` as a PostgreSQL would and passes on to the one in ``behind``."""

    def __init__(self, *, directory: Path, behind: Path) -> None:
        self.withholding = threading.Event()
        self._left: dict[bool, int] = {}
        self._behind = str(behind / f".s.PGSQL.{PORT}")
        self._sockets: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(directory / f".s.PGSQL.{PORT}"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut every connection and listen no more."""
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def cut_after(self, count: int, *, answers: bool) -> None:
        """Cut the line once so many more bytes have passed, of what is asked or answered."""
        self._left[answers] = count

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._behind)
                self._sockets += [client, server]
                for source, target, answers in ((client, server, False), (server, client, True)):
                    threading.Thread(
                        target=self._pass_on, args=(source, target, answers), daemon=True
                    ).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:  # noqa: FBT001 - called by a thread
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if answers and self.withholding.is_set():
                    continue
                if answers in self._left and self._left[answers] < len(data):
                    target.sendall(data[: self._left[answers]])
                    break
                if answers in self._left:
                    self._left[answers] -= len(data)
                target.sendall(data)
        for each in (target, source):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
