"""Refusals of what the server could not read as a request: the same problems, signed alike.

A request whose first line is too long never becomes one that the application sees. Its caller
decides by ``code`` all the same, and quotes a request id.
"""

from __future__ import annotations

from typing import Protocol

from flask import Flask

from merchant_gateway import answering
from merchant_gateway.answering import SIGNED_PREFIXES, Reply
from merchant_gateway.errors import (
    AddressTooLongError,
    BadRequestError,
    ExpectationFailedError,
    HeadersTooLargeError,
    InternalError,
    RequestLateError,
    TransferCodingError,
)
from merchant_gateway.exchange import begin
from merchant_gateway.gateway import Gateway

_KINDS = {
    kind.code: kind
    for kind in (
        AddressTooLongError,
        BadRequestError,
        ExpectationFailedError,
        HeadersTooLargeError,
        RequestLateError,
        TransferCodingError,
    )
}


class Refusing(Protocol):
    """Makes a refusal of a code."""

    def __call__(self, code: str, *, language: str, pause: int = 0) -> Reply:
        """Return what is answered; ``language`` is what stood in ``Accept-Language``, if any."""


def refusing(app: Flask) -> Refusing:
    """Return how the gateway refuses what never became a request.

    What is answered to who was too slow is not signed: many may be slow at once, and the thread
    that tells them waits for nothing. A client tries again after any 503.
    """
    gateway: Gateway = app.extensions["gateway"]

    def refuse(code: str, *, language: str, pause: int = 0) -> Reply:
        # Which path was meant is not known, so it is answered as the signed ones are.
        exchange = begin({"HTTP_ACCEPT_LANGUAGE": language, "PATH_INFO": SIGNED_PREFIXES[0]})
        kind = _KINDS.get(code, InternalError)
        error = kind("the server refused it", facts={"retry_after": pause} if pause else None)
        reply = answering.refusal(gateway, exchange, error)
        if kind is RequestLateError:
            reply.headers["X-Request-Id"] = exchange.request_id
            return reply
        answering.finish(
            gateway, exchange, status=reply.status, body=reply.body, headers=reply.headers
        )
        return reply

    return refuse
