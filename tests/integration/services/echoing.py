"""A front for tests of how requests are taken: it says what it was sent."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from config.serving.patience import Patience
from config.serving.worker import PatientWorker

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

GATE = "ECHOING_GATE"
MUCH = b"much " * 800_000


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


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with method, target and body; ``/file`` with this file, ``/empty`` with nothing.

    ``/much`` is four megabytes, ``/gone`` answers when its client has gone, ``/gate`` when the gate
    (a named pipe) has been opened and closed, ``/breaks`` fails in its middle, ``/exits`` at once.
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
    said = MUCH if path == "/much" else _said(environ, body)
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return (said,)


def _said(environ: WSGIEnvironment, body: bytes) -> bytes:
    return f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} ".encode() + body


def _broken() -> Iterator[bytes]:
    yield b"half"
    raise RuntimeError("as asked")
