"""What the gateway itself refuses, one class and one stable code for each outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from network.errors import PeyvandError, UnavailableError


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field.

    ``pointer`` is a JSON pointer (RFC 6901) into the body, or ``#name`` for a query parameter.
    ``code`` is one of ``field_texts.FIELD_TEXTS``; ``argument`` fills its text.
    """

    pointer: str
    code: str
    argument: str = ""


class InvalidRequestError(PeyvandError):
    """The body or the query is well formed but not what the operation takes."""

    code = "invalid_request"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.pointer}: {error.code}" for error in errors))
        self.errors = tuple(errors)


class MalformedJsonError(PeyvandError):
    """The body is not one JSON object in UTF-8 (RFC 8259); ``hint`` says where, to the reader."""

    code = "malformed_json"

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        self.hint = hint


class BodyTooLargeError(PeyvandError):
    """The body is longer than a single call may be."""

    code = "body_too_large"


class BodyNotAllowedError(PeyvandError):
    """A GET or a DELETE came with a body."""

    code = "body_not_allowed"


class MediaTypeError(PeyvandError):
    """The body is not ``application/json``."""

    code = "unsupported_media_type"


class NotAcceptableError(PeyvandError):
    """None of the accepted media types can be given."""

    code = "not_acceptable"


class NotFoundError(PeyvandError):
    """No such path, or nothing with this id that this merchant may see."""

    code = "not_found"


class MethodNotAllowedError(PeyvandError):
    """The path exists, but not for this method."""

    code = "method_not_allowed"


class BadRequestError(PeyvandError):
    """The request cannot be read as HTTP."""

    code = "bad_request"


class AddressTooLongError(PeyvandError):
    """The request's first line is longer than the server reads."""

    code = "address_too_long"


class HeadersTooLargeError(PeyvandError):
    """A header is longer than the server reads, or there are too many."""

    code = "headers_too_large"


class ExpectationFailedError(PeyvandError):
    """The request expects something else than to be told to go on."""

    code = "expectation_failed"


class TransferCodingError(PeyvandError):
    """The body comes in a transfer coding that the server does not read."""

    code = "transfer_coding_unsupported"


class RequestLateError(UnavailableError):
    """The request did not come in time, or no place was free for a large one."""

    code = "request_late"


class KeyUnknownError(PeyvandError):
    """No key with this id, live or test."""

    code = "key_unknown"


class KeyRevokedError(PeyvandError):
    """The key was revoked."""

    code = "key_revoked"


class KeyExpiredError(PeyvandError):
    """The key was replaced, and its overlap with the new one has run out."""

    code = "key_expired"


class TestKeyRequiredError(PeyvandError):
    """A live key was used for something that there is in sandboxes only."""

    code = "test_key_required"


class SandboxUnavailableError(UnavailableError):
    """No sandbox is ready for this merchant at this moment."""

    code = "sandbox_unavailable"


class SandboxFullError(PeyvandError):
    """The merchant's sandbox holds as much as one may."""

    code = "sandbox_full"


class InsufficientScopeError(PeyvandError):
    """The key is good, but not for this; ``facts`` name the scope that is missing."""

    code = "insufficient_scope"


class MerchantLeavingError(PeyvandError):
    """The merchant's last day has passed: it neither gives nor takes points."""

    code = "merchant_leaving"


class IssuingSuspendedError(PeyvandError):
    """The merchant owes as much as it may, or its points are suspended: it gives none now."""

    code = "issuing_suspended"


class ProofInvalidError(PeyvandError):
    """The proof that the caller holds the new private key does not fit."""

    code = "proof_invalid"


class MerchantSuspendedError(PeyvandError):
    """The key is good, but its merchant is suspended."""

    code = "merchant_suspended"


class NonceReplayedError(PeyvandError):
    """This signed request was seen before."""

    code = "nonce_replayed"


class IdempotencyKeyMalformedError(PeyvandError):
    """``Idempotency-Key`` is not 16 to 64 of ``[A-Za-z0-9_-]``."""

    code = "idempotency_key_malformed"


class RateLimitedError(PeyvandError):
    """The merchant or the address asks more often than agreed; ``policy`` is whose quota it is."""

    code = "rate_limited"

    def __init__(self, *, retry_after: int, policy: str = "merchant") -> None:
        super().__init__(f"try again in {retry_after} s")
        self.retry_after = retry_after
        self.policy = policy


class BusyError(UnavailableError):
    """The database had to give up a call under load; the same call may be sent again."""

    code = "busy"


class SignAgainError(UnavailableError):
    """The store of nonces changed hands after this request was signed; sign it anew."""

    code = "sign_again"


class InternalError(PeyvandError):
    """A defect of ours."""

    code = "internal_error"


class TokenInvalidError(PeyvandError):
    """The member token was not issued by this network to this merchant."""

    code = "token_invalid"


class TokenExpiredError(PeyvandError):
    """The member token ran out."""

    code = "token_expired"


class IdentifierExpiredError(PeyvandError):
    """The member's code ran out; it still names the member for a retry, nothing else."""

    code = "code_expired"


class ConsentRequiredError(PeyvandError):
    """Points were to be spent without the member's code."""

    code = "consent_required"


class WrongMerchantError(NotFoundError):
    """The id is another merchant's: answered as if it did not exist."""
