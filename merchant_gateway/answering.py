"""Every answer on its way out: errors as problems, signatures, rate limit and safety headers."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from typing import Protocol

from flask import Flask, Response, g, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from merchant_gateway.errors import (
    BadRequestError,
    BodyTooLargeError,
    BusyError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    RateLimitedError,
    TransferCodingError,
)
from merchant_gateway.exchange import Exchange, begin
from merchant_gateway.gateway import Gateway
from merchant_gateway.operations import Answer
from merchant_gateway.problems import MEDIA_TYPE, problem
from merchant_gateway.signing import RequestBinding, SigningError, sign_answer
from network.errors import InvariantError, PeyvandError, UnavailableError
from network.merchants.addresses import line_of
from network.merchants.keys import TEST
from network.signing.queries import NoSigningKeyError

log = logging.getLogger("peyvand.gateway")

SIGNED_PREFIXES = ("/v1/", "/.well-known/")
ENVIRONMENT_HEADER = "Peyvand-Environment"
_LOST_A_RACE = {"40001", "40P01", "55P03", "57014"}
TEST_PREFIX = f"mk_{TEST}_"
_NOT_MODIFIED = 304
_UNAUTHENTICATED = 401
_SERVER_ERROR = 500


class Headers(Protocol):
    """Headers by name: a dictionary, or those of Flask's response."""

    def __contains__(self, name: str, /) -> bool:
        """Return whether a header stands there."""

    def __setitem__(self, name: str, value: str, /) -> None:
        """Write a header."""


@dataclass(slots=True, kw_only=True)
class Reply:
    """What is sent: status, body, and the headers that are not known yet before it is signed."""

    status: int
    body: bytes
    headers: dict[str, str]


def register(app: Flask, gateway: Gateway) -> None:
    """Make ``app`` answer errors as problem documents and sign what is to be signed."""

    def handle(error: Exception) -> Response:
        return as_response(refusal(gateway, exchange_here(), error))

    for kind in (PeyvandError, SigningError, HTTPException, Exception):
        app.register_error_handler(kind, handle)

    @app.after_request
    def end(response: Response) -> Response:
        if request.method == "HEAD":
            response.set_data(b"")  # the digest is that of what is sent
        finish(
            gateway,
            exchange_here(),
            status=response.status_code,
            body=response.get_data(),
            headers=response.headers,
        )
        return response


def exchange_here() -> Exchange:
    """Return the exchange of Flask's request, begun where nobody has begun it yet."""
    if "exchange" not in g:
        g.exchange = begin(request.environ)
    found: Exchange = g.exchange
    return found


def finish(
    gateway: Gateway,
    exchange: Exchange,
    *,
    status: int,
    body: bytes,
    headers: Headers,
) -> None:
    """Add what every answer has to ``headers``, and sign what is to be signed."""
    _default(headers, "X-Request-Id", exchange.request_id)
    _default(headers, "X-Content-Type-Options", "nosniff")
    if exchange.path.startswith(SIGNED_PREFIXES):
        _default(headers, "Cache-Control", "no-store")
        if exchange.call is not None:
            headers[ENVIRONMENT_HEADER] = exchange.call.key.environment
        _rate_limit_headers(gateway, exchange, headers)
        _sign(gateway, exchange, status=status, body=body, headers=headers)


def _default(headers: Headers, name: str, value: str) -> None:
    if name not in headers:
        headers[name] = value


def respond(answer: Answer) -> Response:
    """Return the HTTP response of an operation's answer."""
    return as_response(reply_of(answer))


def reply_of(answer: Answer) -> Reply:
    """Return what is sent for an operation's answer."""
    headers = {"Content-Type": answer.media_type, **answer.headers}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Reply(status=answer.status, body=answer.body(), headers=headers)


def as_response(reply: Reply) -> Response:
    """Return a reply as Flask sends it: without its body where the reader has the same already."""
    response = Response(reply.body, status=reply.status)
    response.headers.update(reply.headers)
    if (tag := response.headers.get("ETag")) and request.if_none_match.contains_weak(tag[1:-1]):
        response.set_data(b"")
        response.status_code = _NOT_MODIFIED
        del response.headers["Content-Type"]
    return response


def refusal(gateway: Gateway, exchange: Exchange, error: Exception) -> Reply:
    """Return the problem document that an error is answered with, and note what it says of who."""
    known = _known(error)
    parsed = exchange.parsed
    found = problem(
        known,
        request_id=exchange.request_id,
        documentation=gateway.documentation,
        trying=parsed is not None and parsed.key_id.startswith(TEST_PREFIX),
    )
    if found.status >= _SERVER_ERROR and not isinstance(known, TransferCodingError):
        _log_failure(error, found.code, exchange)
    headers = {"Content-Type": MEDIA_TYPE, **found.headers, "Vary": "Accept-Language"}
    if isinstance(error, HTTPException) and (methods := getattr(error, "valid_methods", None)):
        headers["Allow"] = ", ".join(sorted(methods))
    if isinstance(known, RateLimitedError):
        exchange.refused = known
    if found.status == _UNAUTHENTICATED:
        gateway.failures.take(line_of(exchange.address))
    return Reply(status=found.status, body=found.body, headers=headers)


def _known(error: Exception) -> PeyvandError | SigningError:
    """Return ``error`` as one that the catalogue knows."""
    if isinstance(error, InvariantError):
        return InternalError(error.code)
    if isinstance(error, PeyvandError | SigningError):
        return error
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, PoolTimeoutError):
        return BusyError("no connection to the database was free")
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _LOST_A_RACE:
        return BusyError("the database gave up")
    return InternalError(type(error).__name__)


def _of_http(error: HTTPException) -> PeyvandError:
    match error.code:
        case 404:
            return NotFoundError("there is no such path")
        case 405:
            return MethodNotAllowedError("not with this method")
        case 413:
            return BodyTooLargeError("the body is too large")
        case 429:
            return RateLimitedError(retry_after=1)
        case code if code is not None and code < _SERVER_ERROR:
            return BadRequestError(error.name)
        case _:
            return InternalError(error.name)


def _log_failure(error: Exception, code: str, exchange: Exchange) -> None:
    """Log where it happened; the message of an error may hold what must not be logged."""
    if isinstance(error, UnavailableError):
        log.warning("unavailable code=%s request=%s", code, exchange.request_id)
        return
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error(
        "failed code=%s type=%s request=%s\n%s",
        code,
        type(error).__name__,
        exchange.request_id,
        frames,
    )


def _rate_limit_headers(gateway: Gateway, exchange: Exchange, headers: Headers) -> None:
    headers["RateLimit-Policy"] = gateway.limits.policy
    if exchange.call is not None:
        admission = exchange.call.admission
        left = f"r={admission.remaining};t={admission.reset}"
        headers["RateLimit"] = f'"{admission.policy}";{left}'
    elif (refused := exchange.refused) is not None:
        headers["RateLimit"] = f'"{refused.policy}";r=0;t={refused.retry_after}'


def _sign(
    gateway: Gateway,
    exchange: Exchange,
    *,
    status: int,
    body: bytes,
    headers: Headers,
) -> None:
    """Sign status and body, bound to the request's signature where there was one to read.

    Only a gateway that never read its key, because the database was away from the start, answers
    unsigned; a client takes such an answer for a failure of the way there.
    """
    try:
        key = gateway.network_keys.signing("answers")
    except (UnavailableError, NoSigningKeyError) as error:
        log.warning("unsigned code=%s request=%s", error.code, exchange.request_id)
        return
    parsed = exchange.parsed
    signed = sign_answer(
        status=status,
        body=body,
        request=None
        if parsed is None
        else RequestBinding(label=parsed.label, signature=parsed.signature),
        key=key.key,
        key_id=key.key_id,
        now=exchange.wall,
    )
    for name, value in signed.as_headers().items():
        headers[name] = value
