"""Problem documents (RFC 9457): from an error to a status and a body in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from merchant_gateway.canonical import canonical
from merchant_gateway.catalogue import KINDS
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.catalogue_wire import Kind
from merchant_gateway.errors import (
    FieldError,
    InternalError,
    InvalidRequestError,
    MalformedJsonError,
    RateLimitedError,
)
from merchant_gateway.signing import SignatureInvalidError, SigningError
from network.errors import PeyvandError
from network.language import gettext

MEDIA_TYPE = "application/problem+json"
_PRIVATE = frozenset({"sequence", "original", "authorisation", "member_id", "issuer_id"})
"""How many entries a member has, whose wallet it is, and our own ids are not for a merchant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem, ready to be sent."""

    status: int
    code: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def problem(
    error: PeyvandError | SigningError,
    *,
    request_id: str,
    documentation: str,
    trying: bool = False,
) -> Problem:
    """Return the problem document of ``error`` in the current language.

    ``documentation`` is the address under which each code is explained. A code that the
    catalogue does not know is a defect and answered as one. Whoever is ``trying``, with a test key,
    is told the signature base of what they sent; it holds nothing but that.
    """
    kind = KINDS.get(error.code)
    if kind is None:
        error = InternalError(error.code)
        kind = KINDS[error.code]
    members: dict[str, Any] = {
        "type": f"{documentation}#{error.code}",
        "title": str(kind.title),
        "status": kind.status,
        "detail": str(kind.detail),
        "code": error.code,
        "request_id": request_id,
    }
    if errors := _errors(error):
        members["errors"] = errors
    if isinstance(error, SigningError | MalformedJsonError):
        members["hint"] = _hint(error)
        if isinstance(error, SigningError):
            members["see"] = f"{documentation}/guide/signing#when-it-is-refused"
        if trying and isinstance(error, SignatureInvalidError) and error.signature_base:
            members["signature_base"] = error.signature_base.decode("ascii")
    elif facts := plain_facts(error.facts):
        members["facts"] = facts
    retry_after = _retry_after(error, kind)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Problem(status=kind.status, code=error.code, body=canonical(members), headers=headers)


def _hint(error: SigningError | MalformedJsonError) -> str:
    """Return what to mend, in the reader's language."""
    if isinstance(error, MalformedJsonError):
        return error.hint
    return error.text and gettext(error.text, **error.values)


def _retry_after(error: PeyvandError | SigningError, kind: Kind) -> int | None:
    """Return after how many seconds trying again helps: those of this refusal, or of its kind."""
    if isinstance(error, RateLimitedError):
        return error.retry_after
    told = error.facts.get("retry_after") if isinstance(error, PeyvandError) else None
    return told if isinstance(told, int) else kind.retry_after


def field_text(error: FieldError) -> str:
    """Return what is wrong with a field, in words."""
    text = str(FIELD_TEXTS[error.code])
    return text % {"argument": error.argument} if error.argument else text


def _errors(error: PeyvandError | SigningError) -> list[dict[str, str]]:
    if isinstance(error, InvalidRequestError):
        return [
            {"pointer": each.pointer, "code": each.code, "detail": field_text(each)}
            for each in error.errors
        ]
    if isinstance(error, PeyvandError) and error.field:
        pointer = error.field.replace(".", "/")
        pointer = pointer if pointer[0] in "/#" else f"/{pointer}"
        return [{"pointer": pointer, "code": error.code, "detail": str(KINDS[error.code].title)}]
    return []


def plain_facts(facts: dict[str, object]) -> dict[str, object]:
    """Return the figures among ``facts``: nothing nested, and no number of a wallet's entry."""
    return {
        name: value
        for name, value in facts.items()
        if name not in _PRIVATE and (value is None or isinstance(value, int | str))
    }
