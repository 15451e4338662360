"""A front for tests of how requests are taken: it says what it was sent."""

from __future__ import annotations

import errno
import itertools
import os
import select
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.serving.patience import Patience
from config.serving.worker import PatientWorker

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

GATE = "ECHOING_GATE"
MUCH = b"much " * 800_000
HUGE = b"huge " * 4_800_000
ROOM = 16_000_000
REFUSED = 8
_LONG = {"/much": MUCH, "/huge": HUGE}
_TURNS = itertools.count(1)


class HastyWorker(PatientWorker):
    """Waits for nobody longer than a test likes to."""

    patience = Patience(
        whole=0.3,
        silent=0.2,
        unread=0.3,
        ending=0.2,
        tick=0.05,
        least_rate=10**7,
        most_unsent=2**16,
    )


class RoomyWorker(PatientWorker):
    """Keeps sixteen megabytes of an answer without a thread."""

    patience = Patience(most_unsent=ROOM)


class YieldingWorker(PatientWorker):
    """Leaves a client to a process that has fewer for as long as a test may take."""

    patience = Patience(yielding=300.0)


class RefusingPoller:
    """An epoll that has no room for the first clients, as the kernel has not at its limit."""

    def __init__(self, poller: select.epoll) -> None:
        self._poller, self._left = poller, REFUSED

    def register(self, descriptor: int, events: int) -> None:
        """Watch listeners, and clients once enough were refused."""
        if self._left == 0 or self._listens(descriptor):
            self._poller.register(descriptor, events)
            return
        self._left -= 1
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @staticmethod
    def _listens(descriptor: int) -> bool:
        with socket.socket(fileno=os.dup(descriptor)) as found:
            return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))

    def __getattr__(self, name: str) -> Any:
        """Do all else as the epoll does."""
        return getattr(self._poller, name)


class RefusedWorker(PatientWorker):
    """Begins where the kernel watches no more connections."""

    poller: Any

    def run(self) -> None:
        """Put the refusals in between."""
        self.poller = RefusingPoller(self.poller)
        super().run()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with method, target and body; ``/file`` with this file, ``/empty`` with nothing.

    ``/much`` is four megabytes, ``/huge`` 24, ``/turn`` says how often it was asked, ``/process``
    who answers. ``/gone`` answers when its client has gone, ``/gate`` when the gate (a named pipe)
    has been opened and closed, ``/breaks`` fails in its middle, ``/exits`` at once.
    """
    body = environ["wsgi.input"].read()
    path = environ["PATH_INFO"]
    if path == "/file":
        start_response("200 OK", [("Content-Length", str(Path(__file__).stat().st_size))])
        file = Path(__file__).open("rb")  # noqa: SIM115 - the server closes it
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped
    if path == "/exits":
        raise SystemExit(3)
    if path == "/gone":
        hung_up = select.poll()
        hung_up.register(environ["gunicorn.socket"], 0)
        hung_up.poll()
    if path in {"/empty", "/gone"}:
        start_response("204 No Content", [])
        return ()
    if path == "/breaks":
        start_response("200 OK", [("Content-Length", "1000")])
        return _broken()
    if path == "/gate":
        Path(os.environ[GATE]).read_bytes()
    said = _LONG.get(path) or _said(environ, body)
    if path == "/process":
        said = b"process %d." % os.getpid()
    if path == "/turn":
        said = b"turn %d." % next(_TURNS)
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return (said,)


def _said(environ: WSGIEnvironment, body: bytes) -> bytes:
    return f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} ".encode() + body


def _broken() -> Iterator[bytes]:
    yield b"half"
    raise RuntimeError("as asked")
