"""Whether a stored request was signed by the merchant it is said to be from.

The gateway checked it when it came; this is the check again, for whoever settles a dispute and
does not take the gateway's word. The signature covers its base (RFC 9421, 2.5), and the base
carries the digest of the body (RFC 9530). Once its member is erased the body is no longer whole:
signature and digest are then all that is left to check (``Finding.ERASED``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from enum import StrEnum
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from network.ledger.evidence import StoredEvidence
from network.merchants.queries import KeyView
from network.merchants.service import open_secret
from network.vault import Vault

_DIGEST_LINE = re.compile(rb'^"content-digest": (.+)$', re.MULTILINE)
_DIGEST = re.compile(rb"(sha-256|sha-512)=:([A-Za-z0-9+/]+={0,2}):")


class Finding(StrEnum):
    """What the check came to."""

    SIGNED = "signed"
    WRONG_SIGNATURE = "wrong_signature"
    OTHER_BODY = "other_body"
    UNKNOWN_KEY = "unknown_key"
    ERASED = "erased"
    """Signed; a person in the body was erased since, so it can't be compared with its digest."""

    ATTESTED = "attested"
    """No merchant signed: the network attests who asked in the portal (``network.portal``)."""


def check_evidence(
    vault: Vault, *, evidence: StoredEvidence, key: KeyView | None, merchant_id: UUID | None
) -> Finding:
    """Return whether ``evidence`` is what ``merchant_id`` signed with ``key``.

    A key that was revoked later still proves what it signed before. Raises SealBrokenError where
    an HMAC secret does not open.
    """
    if key is None or key.key_id != evidence.key_id or key.merchant_id != merchant_id:
        return Finding.UNKNOWN_KEY
    if not _fits(vault, key, evidence):
        return Finding.WRONG_SIGNATURE
    if evidence.erased:
        return Finding.ERASED
    return Finding.SIGNED if is_signed_body(evidence) else Finding.OTHER_BODY


def _fits(vault: Vault, key: KeyView, evidence: StoredEvidence) -> bool:
    if key.sealed_secret is not None:
        secret = open_secret(vault, sealed_secret=key.sealed_secret)
        made = hmac.digest(secret, evidence.signature_base, "sha256")
        return hmac.compare_digest(made, evidence.signature)
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key or b"").verify(
            evidence.signature, evidence.signature_base
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def is_signed_body(evidence: StoredEvidence) -> bool:
    """Return whether the base carries the body's digest; an empty body needs none."""
    lines = _DIGEST_LINE.findall(evidence.signature_base)
    if not lines:
        return not evidence.body
    stated = _DIGEST.findall(lines[0])
    return (
        len(lines) == 1
        and bool(stated)
        and all(
            base64.b64encode(
                hashlib.new(name.decode().replace("-", ""), evidence.body).digest()
            ) == value
            for name, value in stated
        )
    )  # fmt: skip
