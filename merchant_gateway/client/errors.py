"""What a call can end with, one class for each thing that a caller does about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from merchant_gateway.client.messages import Answer, Request

Resend = Callable[[Request], Answer]


class GatewayError(Exception):
    """Anything that keeps a call from being answered as asked."""


class ArgumentError(GatewayError, ValueError):
    """A client cannot be made of this; ``argument`` names which one it is."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument


class KeyFileError(GatewayError):
    """A file does not hold a key that can sign."""


class JournalError(GatewayError):
    """The merchant's own record cannot be written, or a line of it is no record."""


class CallError(GatewayError):
    """A call ended without what was asked for.

    ``request`` is what was sent, to the byte, under its ``idempotency_key``; ``retry`` sends it
    again, signed anew. What was done is then answered as it was, and what was not is done. Calling
    the method anew instead may build another body, which the key does not belong to.
    """

    request: Request | None = None
    _resend: Resend | None = None

    @property
    def idempotency_key(self) -> str | None:
        """Return the key of what was sent, ``None`` for a call that changes nothing."""
        return None if self.request is None else self.request.idempotency_key

    def retry(self) -> Answer:
        """Send the same request again and return its answer; raise as the call itself did."""
        if self.request is None or self._resend is None:
            raise self
        return self._resend(self.request)

    def about(self, request: Request, *, resend: Resend) -> None:
        """Say what was sent, and how it is sent again."""
        self.request, self._resend = request, resend


class UnreachableError(CallError):
    """No answer came, after every attempt. What was asked may have been done.

    ``retry()`` asks again without doing it twice. A redemption can be reversed instead.
    """


class UntrustedAnswerError(CallError):
    """An answer came that the network did not sign, or not for this request."""


class NotAGatewayError(UntrustedAnswerError):
    """Something else than a gateway answers at the address."""


class ProblemError(CallError):
    """The gateway refused (RFC 9457). Decide by ``code``; the texts are for people.

    ``errors`` names fields, ``facts`` has the figures behind a refusal, ``hint`` says what to mend
    in a signature or in JSON. ``signature_base`` is what the gateway checked a test key's signature
    against, where it did not fit.
    """

    def __init__(self, problem: Mapping[str, Any], *, status: int) -> None:
        self.problem = dict(problem)
        self.status = status
        self.code = str(problem.get("code", ""))
        self.title = str(problem.get("title", f"HTTP {status}"))
        self.detail = str(problem.get("detail", ""))
        self.hint = str(problem.get("hint", ""))
        self.signature_base = str(problem.get("signature_base", ""))
        self.request_id = str(problem.get("request_id", ""))
        found = problem.get("errors", [])
        self.errors: list[dict[str, str]] = found if isinstance(found, list) else []
        facts = problem.get("facts", {})
        self.facts: dict[str, Any] = facts if isinstance(facts, dict) else {}
        super().__init__(self._words())

    def _words(self) -> str:
        """Return all that the problem says, in one line."""
        parts = [f"{self.title} ({self.code or self.status})"]
        if self.errors:
            named = (f"{each.get('pointer', '')}: {each.get('detail', '')}" for each in self.errors)
            parts.append(" ".join(named))
        elif self.detail:
            parts.append(self.detail)
        if self.hint:
            parts.append(self.hint)
        if self.facts:
            parts.append("; ".join(f"{name}: {value}" for name, value in self.facts.items()))
        return " - ".join(parts)


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
