"""What a call can end with, one class for each thing that a caller does about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GatewayError(Exception):
    """Anything that keeps a call from being answered as asked."""


class UnreachableError(GatewayError):
    """No answer came, after every attempt. What was asked may have been done.

    Call again with the same ``idempotency_key`` and the same arguments: what was done is answered
    as it was, what was not is done then. A redemption can be reversed instead.
    """

    def __init__(self, message: str, *, idempotency_key: str | None) -> None:
        super().__init__(message)
        self.idempotency_key = idempotency_key


class UntrustedAnswerError(GatewayError):
    """An answer came that the network did not sign, or not for this request."""

    def __init__(self, message: str, *, idempotency_key: str | None = None) -> None:
        super().__init__(message)
        self.idempotency_key = idempotency_key


class KeyFileError(GatewayError):
    """A file does not hold a key that can sign."""


class JournalError(GatewayError):
    """The merchant's own record cannot be written, or a line of it is no record."""


class ProblemError(GatewayError):
    """The gateway refused (RFC 9457). Decide by ``code``; the texts are for people."""

    def __init__(self, problem: Mapping[str, Any], *, status: int) -> None:
        self.problem = dict(problem)
        self.status = status
        self.code = str(problem.get("code", ""))
        self.title = str(problem.get("title", f"HTTP {status}"))
        self.detail = str(problem.get("detail", ""))
        self.request_id = str(problem.get("request_id", ""))
        found = problem.get("errors", [])
        self.errors: list[dict[str, str]] = found if isinstance(found, list) else []
        super().__init__(f"{self.title} ({self.code or status})")


class AuthenticationError(ProblemError):
    """The key or the signature was not accepted."""


class ForbiddenError(ProblemError):
    """The merchant, or the member's consent, does not allow it."""


class NotFoundError(ProblemError):
    """No such member, entry or path."""


class ConflictError(ProblemError):
    """It was done, undone or barred before."""


class InvalidRequestError(ProblemError):
    """The request was not right, or the ledger refused it; ``errors`` names fields."""


class RateLimitedError(ProblemError):
    """Too many requests, also after waiting as asked."""


class ServerError(ProblemError):
    """The gateway could not do it now."""


_BY_STATUS: dict[int, type[ProblemError]] = {
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
}
_SERVER_ERROR = 500


def problem_error(problem: Mapping[str, Any], *, status: int) -> ProblemError:
    """Return the error for a problem document."""
    kind = ServerError if status >= _SERVER_ERROR else _BY_STATUS.get(status, InvalidRequestError)
    return kind(problem, status=status)
