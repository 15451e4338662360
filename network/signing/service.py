"""Makes and replaces the network's signing keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from network.operators.audit import SYSTEM, record_act
from network.signing.models import SigningKey
from network.signing.queries import SEAL_PURPOSE
from network.vault import Vault

PURPOSES = ("answers", "tokens", "seals")
_LOCK = 0x7369_676E


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A new key, the ids of those it replaces, and from when on it signs (wall time)."""

    purpose: str
    key_id: str
    replaced: tuple[str, ...]
    signs_from: datetime


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
        made.append(_make(session, vault, purpose=purpose, now=now))
    session.flush()
    return made


def rotate_keys(
    session: Session,
    vault: Vault,
    *,
    now: datetime,
    announced: timedelta,
    purposes: Sequence[str] = PURPOSES,
    actor: str = SYSTEM,
) -> list[Rotated]:
    """Make keys that sign from ``now`` (wall time) plus ``announced`` on; return what they replace.

    A new key is published at once, so that who verifies knows it before it signs. The old one
    signs until then and stays published for good, for what it signed. Two rotations at once are
    one after the other. The audit log has each.
    """
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    signs_from = now + announced
    made = []
    for purpose in purposes:
        replaced = session.scalars(
            select(SigningKey).where(
                SigningKey.purpose == purpose,
                or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > signs_from),
            )
        ).all()
        for key in replaced:
            key.retired_at = signs_from
        session.flush()  # before the next one: only one key of a purpose has no end
        key_id = _make(session, vault, purpose=purpose, now=now, signs_from=signs_from)
        found = Rotated(
            purpose=purpose,
            key_id=key_id,
            replaced=tuple(each.key_id for each in replaced),
            signs_from=signs_from,
        )
        record_act(
            session,
            now=now,
            actor=actor,
            action="signing_key.rotated",
            subject=f"signing_key:{key_id}",
            facts={
                "purpose": purpose,
                "replaced": list(found.replaced),
                "signs_from": signs_from.isoformat(),
            },
        )
        made.append(found)
    session.flush()
    return made


def _make(
    session: Session,
    vault: Vault,
    *,
    purpose: str,
    now: datetime,
    signs_from: datetime | None = None,
) -> str:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key = SigningKey(
        key_id=thumbprint(public),
        purpose=purpose,
        public_key=public,
        sealed_private=vault.seal(private.private_bytes_raw(), purpose=SEAL_PURPOSE),
        created_at=now,
        signs_from=signs_from,
    )
    session.add(key)
    session.flush()
    return key.key_id


def thumbprint(public_key: bytes) -> str:
    """Return the JWK thumbprint (RFC 7638, RFC 8037 A.3) of an Ed25519 key, unpadded base64url."""
    encoded = base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": encoded}, separators=(",", ":"))
    return base64.urlsafe_b64encode(sha256(canonical.encode()).digest()).rstrip(b"=").decode()
