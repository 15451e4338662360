"""Signatures of the gateway and its clients: the profile, to sign with and to verify against.

Pure: needs the standard library and `cryptography` alone. See `profile` for what is covered.
"""

from merchant_gateway.signing.answer_signing import sign_answer, verify_answer
from merchant_gateway.signing.checks import check_created, verify_evidence
from merchant_gateway.signing.digest import check_content_digest, content_digest
from merchant_gateway.signing.errors import (
    KeyMalformedError,
    SignatureInvalidError,
    SigningError,
)
from merchant_gateway.signing.keys import (
    Algorithm,
    Ed25519SigningKey,
    Ed25519VerifyingKey,
    HmacKey,
    SigningKey,
    VerifyingKey,
)
from merchant_gateway.signing.messages import (
    AnswerMessage,
    Evidence,
    ParsedSignature,
    RequestBinding,
    RequestMessage,
    SignedHeaders,
    split_target,
)
from merchant_gateway.signing.parse import parse_answer_signature, parse_request_signature
from merchant_gateway.signing.possession import prove_possession, proves_possession
from merchant_gateway.signing.request_signing import sign_request, verify_head, verify_request

__all__ = [
    "Algorithm",
    "AnswerMessage",
    "Ed25519SigningKey",
    "Ed25519VerifyingKey",
    "Evidence",
    "HmacKey",
    "KeyMalformedError",
    "ParsedSignature",
    "RequestBinding",
    "RequestMessage",
    "SignatureInvalidError",
    "SignedHeaders",
    "SigningError",
    "SigningKey",
    "VerifyingKey",
    "check_content_digest",
    "check_created",
    "content_digest",
    "parse_answer_signature",
    "parse_request_signature",
    "prove_possession",
    "proves_possession",
    "sign_answer",
    "sign_request",
    "split_target",
    "verify_answer",
    "verify_evidence",
    "verify_head",
    "verify_request",
]
