"""Reads of the network's signing keys."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.errors import PeyvandError
from network.signing.models import SigningKey
from network.vault import Vault

SEAL_PURPOSE = "signing-key"
LIVE, TEST = "live", "test"


class NoSigningKeyError(PeyvandError):
    """The network has no active key for the purpose yet; ensure_keys makes it."""

    code = "no_signing_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveKey:
    """The key that signs for a purpose now; both halves are 32 raw bytes (RFC 8032)."""

    key_id: str
    purpose: str
    public_key: bytes
    private_key: bytes = field(repr=False)


def active_key(session: Session, *, vault: Vault, purpose: str) -> ActiveKey:
    """Return the key that signs for ``purpose`` now, opened.

    Raises NoSigningKeyError, and SealBrokenError where the master key is another one.
    """
    row = session.scalars(
        select(SigningKey).where(SigningKey.purpose == purpose, SigningKey.retired_at.is_(None))
    ).first()
    if row is None:
        raise NoSigningKeyError(f"the network has no key for {purpose} yet")
    return ActiveKey(
        key_id=row.key_id,
        purpose=row.purpose,
        public_key=row.public_key,
        private_key=vault.open(row.sealed_private, purpose=SEAL_PURPOSE),
    )


def published_keys(session: Session, *, environment: str = LIVE) -> list[dict[str, str]]:
    """Return every public key, retired ones included, as JWKs (RFC 8037), the oldest first.

    Each says which environment it signs in: ``test`` where the database is a sandbox's.
    """
    rows = session.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.key_id))
    return [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": row.key_id,
            "use": "sig",
            "alg": "EdDSA",
            "purpose": row.purpose,
            "environment": environment,
            "x": base64.urlsafe_b64encode(row.public_key).rstrip(b"=").decode(),
        }
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkKey:
    """A signing key of the network, its public half; ``retired_at`` is empty while it signs."""

    key_id: str
    purpose: str
    public_key: bytes
    created_at: datetime
    retired_at: datetime | None


def network_keys(session: Session) -> list[NetworkKey]:
    """Return every signing key of the network, retired ones included, the latest first."""
    rows = session.scalars(
        select(SigningKey).order_by(SigningKey.created_at.desc(), SigningKey.key_id)
    )
    return [
        NetworkKey(
            key_id=row.key_id,
            purpose=row.purpose,
            public_key=row.public_key,
            created_at=row.created_at,
            retired_at=row.retired_at,
        )
        for row in rows
    ]


def environment_of(keys: Iterable[Mapping[str, str]], *, key_id: str) -> str:
    """Return the environment of a published key; ``live`` where it says nothing."""
    found = (each.get("environment", LIVE) for each in keys if each.get("kid") == key_id)
    return next(found, LIVE)
