"""A front for tests of how requests are taken: it says what it was sent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with method, target and body; ``/file`` with this file, ``/empty`` with nothing."""
    body = environ["wsgi.input"].read()
    path = environ["PATH_INFO"]
    if path == "/file":
        start_response("200 OK", [("Content-Length", str(Path(__file__).stat().st_size))])
        file = Path(__file__).open("rb")  # noqa: SIM115 - the server closes it
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped
    if path == "/empty":
        start_response("204 No Content", [])
        return ()
    said = f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} ".encode() + body
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return (said,)
