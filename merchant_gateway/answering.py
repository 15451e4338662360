"""Every answer on its way out: errors as problems, signatures, rate limit and safety headers."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from flask import Flask, Response, g, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from merchant_gateway.authentication import Arrival
from merchant_gateway.errors import (
    BadRequestError,
    BodyTooLargeError,
    BusyError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    RateLimitedError,
)
from merchant_gateway.gateway import Gateway
from merchant_gateway.operations import Answer
from merchant_gateway.problems import MEDIA_TYPE, problem
from merchant_gateway.signing import RequestBinding, SigningError, sign_answer
from network.clock import wall_now
from network.errors import InvariantError, PeyvandError, UnavailableError
from network.merchants.addresses import line_of
from network.signing.queries import NoSigningKeyError

log = logging.getLogger("peyvand.gateway")

SIGNED_PREFIXES = ("/v1/", "/.well-known/")
ENVIRONMENT_HEADER = "Peyvand-Environment"
_LOST_A_RACE = {"40001", "40P01", "55P03", "57014"}
_NOT_MODIFIED = 304
_UNAUTHENTICATED = 401
_SERVER_ERROR = 500


def register(app: Flask, gateway: Gateway) -> None:
    """Make ``app`` answer errors as problem documents and sign what is to be signed."""

    def handle(error: Exception) -> Response:
        return _problem_response(gateway, error)

    for kind in (PeyvandError, SigningError, HTTPException, Exception):
        app.register_error_handler(kind, handle)

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("X-Request-Id", g.get("request_id", ""))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if request.method == "HEAD":
            response.set_data(b"")  # the digest is that of what is sent
        if request.path.startswith(SIGNED_PREFIXES):
            response.headers.setdefault("Cache-Control", "no-store")
            if "call" in g:
                response.headers[ENVIRONMENT_HEADER] = g.call.key.environment
            _rate_limit_headers(gateway, response)
            _sign(gateway, response)
        return response


def respond(answer: Answer) -> Response:
    """Return the HTTP response of an operation's answer."""
    response = Response(answer.body(), status=answer.status, content_type=answer.media_type)
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    response.headers.update(answer.headers)
    if (tag := response.headers.get("ETag")) and request.if_none_match.contains_weak(tag[1:-1]):
        response.set_data(b"")
        response.status_code = _NOT_MODIFIED
        del response.headers["Content-Type"]
    return response


def _problem_response(gateway: Gateway, error: Exception) -> Response:
    known = _known(error)
    found = problem(known, request_id=g.get("request_id", ""), documentation=gateway.documentation)
    if found.status >= _SERVER_ERROR:
        _log_failure(error, found.code)
    response = Response(found.body, status=found.status, content_type=MEDIA_TYPE)
    response.headers.update(found.headers)
    response.headers["Vary"] = "Accept-Language"
    if isinstance(error, HTTPException) and (methods := getattr(error, "valid_methods", None)):
        response.headers["Allow"] = ", ".join(sorted(methods))
    if isinstance(known, RateLimitedError):
        g.rate_limited = known
    if found.status == _UNAUTHENTICATED:
        gateway.failures.take(line_of(request.remote_addr or ""))
    return response


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


def _log_failure(error: Exception, code: str) -> None:
    """Log where it happened; the message of an error may hold what must not be logged."""
    if isinstance(error, UnavailableError):
        log.warning("unavailable code=%s request=%s", code, g.get("request_id"))
        return
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error(
        "failed code=%s type=%s request=%s\n%s",
        code,
        type(error).__name__,
        g.get("request_id"),
        frames,
    )


def _rate_limit_headers(gateway: Gateway, response: Response) -> None:
    response.headers["RateLimit-Policy"] = gateway.limits.policy
    admission: Any = g.get("admission")
    if admission is not None:
        left = f"r={admission.remaining};t={admission.reset}"
        response.headers["RateLimit"] = f'"{admission.policy}";{left}'
    elif (refused := g.get("rate_limited")) is not None:
        response.headers["RateLimit"] = f'"{refused.policy}";r=0;t={refused.retry_after}'


def _sign(gateway: Gateway, response: Response) -> None:
    """Sign status and body, bound to the request's signature where there was one to read.

    Only a gateway that never read its key, because the database was away from the start, answers
    unsigned; a client takes such an answer for a failure of the way there.
    """
    arrival: Arrival | None = g.get("arrival")
    parsed = None if arrival is None else arrival.parsed
    try:
        key = gateway.network_keys.signing("answers")
    except (UnavailableError, NoSigningKeyError) as error:
        log.warning("unsigned code=%s request=%s", error.code, g.get("request_id"))
        return
    signed = sign_answer(
        status=response.status_code,
        body=response.get_data(),
        request=None
        if parsed is None
        else RequestBinding(label=parsed.label, signature=parsed.signature),
        key=key.key,
        key_id=key.key_id,
        now=wall_now() if arrival is None else arrival.wall,
    )
    response.headers.update(signed.as_headers())
