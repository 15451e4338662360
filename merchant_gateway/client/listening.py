"""A receiver of webhooks for a merchant's engineer: verifies each request, tells, and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from merchant_gateway.client.webhooks import WebhookVerificationError, verify

MOST_BYTES = 1024 * 1024
_NO_CONTENT, _BAD_REQUEST, _TOO_LARGE = 204, 400, 413
_SILENCE_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request that came: the event where it verified, else why it did not."""

    event: dict[str, Any] = field(default_factory=dict)
    refused: str | None = None


def listener(
    *, host: str, port: int, key: str, heard: Callable[[Heard], None]
) -> ThreadingHTTPServer:
    """Return a server on ``host`` and ``port`` (0: any), not yet serving.

    It answers 204 to what ``key`` verifies and 400 to anything else, and calls ``heard`` with both.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _SILENCE_SECONDS

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()) or int(length) > MOST_BYTES:
                self.close_connection = True
                self._answer(_TOO_LARGE)
                return
            body = self.rfile.read(int(length))
            try:
                event = verify(dict(self.headers.items()), body, key)
            except WebhookVerificationError as error:
                heard(Heard(refused=str(error)))
                self._answer(_BAD_REQUEST)
                return
            heard(Heard(event=event))
            self._answer(_NO_CONTENT)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the same
            """Leave telling to ``heard``."""

        def _answer(self, status: int) -> None:
            self.send_response(status)
            if status != _NO_CONTENT:
                self.send_header("Content-Length", "0")
            self.end_headers()

    return ThreadingHTTPServer((host, port), Handler)
