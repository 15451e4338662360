"""Signatures of webhooks as the Standard Webhooks specification has them.

Signed is ``{webhook-id}.{webhook-timestamp}.{body}``: by HMAC-SHA256 with the endpoint's secret
(``v1``) and by Ed25519 with its private key (``v1a``), so that a receiver may verify with a secret
or with nothing but a public key. Every pair of keys that is in force signs both ways. Source:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_BYTES = 32
_SECRET, _PUBLIC = "whsec_", "whpk_"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """What signs for an endpoint: a shared secret and an Ed25519 key."""

    secret: bytes = field(repr=False)
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> KeyPair:
        """Draw a new pair."""
        return cls(secret=secrets.token_bytes(SECRET_BYTES), private=Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, *, secret: bytes, private: bytes) -> KeyPair:
        """Return the pair of a secret and the 32 bytes of a private key."""
        return cls(secret=secret, private=Ed25519PrivateKey.from_private_bytes(private))

    @property
    def public(self) -> bytes:
        """Return the 32 bytes of the public key."""
        return self.private.public_key().public_bytes_raw()


def written_secret(secret: bytes) -> str:
    """Return a secret as merchants configure it: ``whsec_`` and base64."""
    return _SECRET + base64.b64encode(secret).decode()


def written_public(public: bytes) -> str:
    """Return a public key as merchants configure it: ``whpk_`` and base64."""
    return _PUBLIC + base64.b64encode(public).decode()


def signature_headers(
    *, webhook_id: str, moment: datetime, body: bytes, keys: Sequence[KeyPair]
) -> dict[str, str]:
    """Return the three headers of an attempt at ``moment``, signed by every pair of ``keys``."""
    timestamp = str(int(moment.timestamp()))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    signatures = []
    for pair in keys:
        symmetric = hmac.digest(pair.secret, signed, sha256)
        signatures.append(f"v1,{base64.b64encode(symmetric).decode()}")
        signatures.append(f"v1a,{base64.b64encode(pair.private.sign(signed)).decode()}")
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
