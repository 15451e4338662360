"""The short way in: calls that move points, past the web framework and through the same checks.

Flask finds the view, makes a request, a response and two contexts, and runs its hooks; that took an
eighth of a signed earn. A POST to a path without an id in it needs none of that, and those are the
calls that a till makes all day. It is begun, authenticated, performed, answered and signed by the
functions that Flask's hooks call as well; everything else goes on to Flask.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from merchant_gateway import answering
from merchant_gateway.authentication import admit
from merchant_gateway.exchange import begin
from merchant_gateway.gateway import Gateway
from merchant_gateway.operations import Operation, perform
from merchant_gateway.sandboxes import Sandboxes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Door:
    """A WSGI application before another: answers the calls it knows, hands on all others."""

    def __init__(
        self,
        inner: WSGIApplication,
        *,
        gateway: Gateway,
        sandboxes: Sandboxes,
        prefix: str,
        operations: Collection[Operation],
    ) -> None:
        self._inner = inner
        self._gateway = gateway
        self._sandboxes = sandboxes
        self._known = {
            ("POST", prefix + each.path): each
            for each in operations
            if each.method == "POST" and "<" not in each.path
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a call, or have the application within answer."""
        each = self._known.get((environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")))
        if each is None or environ.get("SCRIPT_NAME"):
            return self._inner(environ, start_response)
        reply = self._answer(environ, each)
        headers = [*reply.headers.items(), ("Content-Length", str(len(reply.body)))]
        start_response(_STATUS_LINES[reply.status], headers)
        return (reply.body,)

    def _answer(self, environ: WSGIEnvironment, each: Operation) -> answering.Reply:
        gateway, exchange = self._gateway, begin(environ)
        try:
            call = admit(exchange, gateway=gateway, most_bytes=each.most_bytes)
            reply = answering.reply_of(
                perform(
                    each,
                    call,
                    media_type=environ.get("CONTENT_TYPE", ""),
                    path_ids={},
                    enter=self._sandboxes.enter,
                )
            )
        except Exception as error:  # noqa: BLE001 - each becomes a problem document
            reply = answering.refusal(gateway, exchange, error)
        answering.finish(
            gateway, exchange, status=reply.status, body=reply.body, headers=reply.headers
        )
        return reply
