"""Reads of the network's signing keys."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.errors import PeyvandError
from network.signing.models import SigningKey


class NoSigningKeyError(PeyvandError):
    """The network has no active key for the purpose yet; ensure_keys makes it."""

    code = "no_signing_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyView:
    """A key of the network; ``signing.service.private_key`` opens the private half."""

    key_id: str
    purpose: str
    public_key: bytes
    sealed_private: bytes = field(repr=False)
    created_at: datetime
    retired_at: datetime | None


def active_key(session: Session, *, purpose: str) -> SigningKeyView:
    """Return the key that signs for ``purpose`` now; raise NoSigningKeyError."""
    row = session.scalars(
        select(SigningKey).where(SigningKey.purpose == purpose, SigningKey.retired_at.is_(None))
    ).first()
    if row is None:
        raise NoSigningKeyError(f"the network has no key for {purpose} yet")
    return SigningKeyView(
        key_id=row.key_id,
        purpose=row.purpose,
        public_key=row.public_key,
        sealed_private=row.sealed_private,
        created_at=row.created_at,
        retired_at=row.retired_at,
    )


def published_keys(session: Session) -> list[dict[str, str]]:
    """Return every public key, retired ones included, as JWKs (RFC 8037), the oldest first."""
    rows = session.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.key_id))
    return [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": row.key_id,
            "use": "sig",
            "alg": "EdDSA",
            "x": base64.urlsafe_b64encode(row.public_key).rstrip(b"=").decode(),
        }
        for row in rows
    ]
