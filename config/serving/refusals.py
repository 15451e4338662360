"""What a front says where its server could not hand a request to its application.

A front that has a ``refuse`` says it in its own words and form. For any other front gunicorn does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

from gunicorn.http import errors

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (errors.LimitRequestLine, "address_too_long"),
    (errors.LimitRequestHeaders, "headers_too_large"),
    (errors.ExpectationFailed, "expectation_failed"),
    (errors.UnsupportedTransferCoding, "transfer_coding_unsupported"),
    (errors.ConfigurationProblem, "internal_error"),
    (errors.InvalidResponseHeader, "internal_error"),
    (errors.InvalidResponseHeaderName, "internal_error"),
    (errors.ParseException, "bad_request"),
)
LATE = "request_late"
_LANGUAGE = re.compile(rb"\r\naccept-language:[ \t]*([ -~]{1,200})", re.IGNORECASE)


class Refused(Protocol):
    """What is answered: a status, headers and a body."""

    status: int
    body: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers by name."""


class Refuse(Protocol):
    """How a front refuses; ``pause`` are the seconds after which to try again, where that helps."""

    def __call__(self, code: str, *, language: str, pause: int = 0) -> Refused:
        """Return what is answered to this code, to a reader who accepts these languages."""


def code_of(error: Exception) -> str:
    """Return what a request is refused with that made the server raise ``error``."""
    found = (code for kind, code in _CODES if isinstance(error, kind))
    return next(found, "internal_error")


def refuse_of(application: Any) -> Refuse | None:
    """Return how an application refuses, where it does so itself."""
    found: Refuse | None = getattr(application, "refuse", None)
    return found


def language_of(asked: bytes) -> str:
    """Return what languages a request accepts, as far as it has come; it may not be one at all."""
    found = _LANGUAGE.search(asked)
    return "" if found is None else found[1].decode("ascii")


def on_the_wire(refused: Refused) -> bytes:
    """Return an answer's bytes; it ends the connection, as nobody knows where the next begins."""
    headers = {
        **refused.headers,
        "Content-Length": str(len(refused.body)),
        "Connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    first = f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}\r\n"
    return f"{first}{lines}\r\n".encode("ascii") + refused.body
