"""Makes the network's signing keys."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from network.signing.models import SigningKey
from network.signing.queries import SEAL_PURPOSE
from network.vault import Vault

PURPOSES = ("answers", "tokens", "seals")
_LOCK = 0x7369_676E


def ensure_keys(session: Session, vault: Vault, *, now: datetime) -> list[str]:
    """Make the key of every purpose that has no active one; return the ids of new keys.

    Two processes that start at once make each key once.
    """
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    present = set(
        session.scalars(select(SigningKey.purpose).where(SigningKey.retired_at.is_(None)))
    )
    made = []
    for purpose in PURPOSES:
        if purpose in present:
            continue
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        key = SigningKey(
            key_id=thumbprint(public),
            purpose=purpose,
            public_key=public,
            sealed_private=vault.seal(private.private_bytes_raw(), purpose=SEAL_PURPOSE),
            created_at=now,
        )
        session.add(key)
        made.append(key.key_id)
    session.flush()
    return made


def thumbprint(public_key: bytes) -> str:
    """Return the JWK thumbprint (RFC 7638, RFC 8037 A.3) of an Ed25519 key, unpadded base64url."""
    encoded = base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": encoded}, separators=(",", ":"))
    return base64.urlsafe_b64encode(sha256(canonical.encode()).digest()).rstrip(b"=").decode()
