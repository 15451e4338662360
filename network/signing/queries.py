"""Reads of the network's signing keys."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import func, or_, select
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

    Now is the database's clock, so that all processes change at once; programme time is nothing to
    a signature. Raises NoSigningKeyError, and SealBrokenError where the master key is another one.
    """
    clock = func.clock_timestamp()
    row = session.scalars(
        select(SigningKey)
        .where(
            SigningKey.purpose == purpose,
            or_(SigningKey.signs_from.is_(None), SigningKey.signs_from <= clock),
            or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > clock),
        )
        .order_by(SigningKey.created_at.desc())
        .limit(1)
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

    Each says which environment it signs in (``test`` where the database is a sandbox's) and its
    period: ``signs_from`` and, once it is replaced, ``signs_until``, as ISO 8601 in UTC.
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
            **_period(row),
        }
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkKey:
    """A signing key of the network, its public half.

    It signs from ``signs_from`` until ``retired_at``, either of which may lie ahead.
    """

    key_id: str
    purpose: str
    public_key: bytes
    created_at: datetime
    signs_from: datetime
    retired_at: datetime | None

    def state(self, wall: datetime) -> str:
        """Return ``announced``, ``signing`` or ``retired``."""
        if self.retired_at is not None and self.retired_at <= wall:
            return "retired"
        return "signing" if self.signs_from <= wall else "announced"


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
            signs_from=row.signs_from or row.created_at,
            retired_at=row.retired_at,
        )
        for row in rows
    ]


def _period(row: SigningKey) -> dict[str, str]:
    begin = row.signs_from or row.created_at
    period = {"signs_from": begin.astimezone(UTC).isoformat()}
    if row.retired_at is not None:
        # One that was replaced while it was only announced has never signed.
        period["signs_until"] = max(row.retired_at, begin).astimezone(UTC).isoformat()
    return period


def environment_of(keys: Iterable[Mapping[str, str]], *, key_id: str) -> str:
    """Return the environment of a published key; ``live`` where it says nothing."""
    found = (each.get("environment", LIVE) for each in keys if each.get("kid") == key_id)
    return next(found, LIVE)
