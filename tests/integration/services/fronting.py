"""A front with one process of four threads behind a socket, and ways to speak to it."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fixtures.forge import Forged, forge
from tests.integration.services import echoing

PATIENCE_SECONDS = 60
PING = b"GET /ping HTTP/1.1\r\nHost: here\r\n\r\n"


def get(path: str) -> bytes:
    """Return a request without a body."""
    return b"GET %b HTTP/1.1\r\nHost: here\r\n\r\n" % path.encode()


def head(*headers: bytes, path: bytes = b"/a") -> bytes:
    """Return the head of a request that may have a body."""
    lines = b"".join(each + b"\r\n" for each in headers)
    return b"POST %b HTTP/1.1\r\nHost: here\r\n%b\r\n" % (path, lines)


def post(body: bytes, *more: bytes) -> bytes:
    """Return a request with a body."""
    return head(b"Content-Length: %d" % len(body), *more) + body


class Front:
    """A front, its only worker, and calls to it."""

    def __init__(self, port: int, forged: Forged) -> None:
        self.port, self.forged = port, forged

    def call(self, *, window: int | None = None) -> socket.socket:
        """Connect; with ``window`` the client takes no more than about so many bytes unread."""
        line = socket.socket()
        line.settimeout(PATIENCE_SECONDS)
        if window is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        line.connect(("127.0.0.1", self.port))
        return line

    def ask(self, *pieces: bytes) -> bytes:
        """Send pieces, then no more; return all that is answered."""
        with self.call() as line:
            for piece in pieces:
                line.sendall(piece)
            line.shutdown(socket.SHUT_WR)
            return everything(line)

    def stop(self) -> None:
        """Tell it to end when all is answered."""
        os.kill(self.forged.pid, signal.SIGTERM)

    def sockets(self) -> int:
        """Return how many sockets the worker has open."""
        pid = self.forged.pid
        worker = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0]
        found = 0
        for file in Path(f"/proc/{worker}/fd").iterdir():
            try:
                found += str(file.readlink()).startswith("socket:")
            except FileNotFoundError:
                continue
        return found

    def await_sockets(self, number: int) -> None:
        """Return when the worker has no more sockets open than ``number``."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (found := self.sockets()) > number:
            assert time.monotonic() < end, f"{found} sockets are open"


def everything(line: socket.socket) -> bytes:
    """Return what is heard until the front has nothing more to say."""
    heard = bytearray()
    while piece := line.recv(1_048_576):
        heard += piece
    return bytes(heard)


def until(line: socket.socket, end: bytes) -> bytes:
    """Return what is heard up to ``end``."""
    heard = bytearray()
    while not heard.endswith(end):
        piece = line.recv(1_048_576)
        assert piece, bytes(heard)
        heard += piece
    return bytes(heard)


def reset(line: socket.socket) -> None:
    """Leave without a farewell: whatever is sent after that meets an error."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[Front]:
    """Run a front that answers as ``echoing`` does, with these arguments of gunicorn's."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        forged = forge(
            [
                *("--config", "python:config.gunicorn", "--workers", "1", *arguments),
                f"{echoing.__name__}:application",
            ],
            listener=listener,
            environment={**os.environ, **environment},
        )
        try:
            yield Front(listener.getsockname()[1], forged)
        finally:
            forged.stop()
