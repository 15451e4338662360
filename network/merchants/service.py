"""Changes of merchants, their stores and their keys, and the nonces that their keys have used."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from network.ids import uuid7
from network.merchants.agreements import approve_agreement, propose_agreement
from network.merchants.errors import (
    CodeTakenError,
    InvalidKeyError,
    MerchantDataError,
    TooManyKeysError,
    UnknownKeyError,
)
from network.merchants.models import Merchant, MerchantKey, Nonce, Store
from network.merchants.queries import UnknownMerchantError
from network.vault import Vault

__all__ = [
    "NewKey",
    "add_store",
    "approve_agreement",
    "claim_nonce",
    "forget_nonces",
    "note_key_use",
    "open_secret",
    "propose_agreement",
    "register_key",
    "register_merchant",
    "revoke_key",
    "set_status",
]

MAX_ACTIVE_KEYS = 4
HMAC_SECRET_BYTES = 32
KEY_PURPOSE = "merchant-key"
_KEY_ID_BYTES = 10
_UNIQUE, _CHECK = "23505", "23514"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just registered; ``secret`` is shown this once and only for HMAC keys."""

    key_id: str
    algorithm: str
    secret: bytes | None = field(default=None, repr=False)


def register_merchant(
    session: Session,
    *,
    code: str,
    name_fa: str,
    name_en: str,
    kind: str,
    now: datetime,
    directory_fa: str | None = None,
    directory_en: str | None = None,
    directory_url: str | None = None,
) -> UUID:
    """Take a merchant into the network and return its id.

    ``code`` is a slug of at most 40 characters. Raises CodeTakenError or MerchantDataError.
    """
    merchant = Merchant(
        merchant_id=uuid7(),
        code=code,
        name_fa=name_fa.strip(),
        name_en=name_en.strip(),
        kind=kind,
        status="active",
        joined_at=now,
        directory_fa=directory_fa,
        directory_en=directory_en,
        directory_url=directory_url,
    )
    _insert(session, merchant)
    return merchant.merchant_id


def set_status(session: Session, *, merchant_id: UUID, status: str) -> None:
    """Suspend a merchant (``suspended``) or let it take part again (``active``)."""
    if status not in {"active", "suspended"}:
        raise MerchantDataError("a merchant is active or suspended", field="status")
    _locked_merchant(session, merchant_id).status = status
    session.flush()


def add_store(
    session: Session,
    *,
    merchant_id: UUID,
    code: str,
    name_fa: str,
    name_en: str,
    city_fa: str = "",
    city_en: str = "",
) -> UUID:
    """Add a place of a merchant and return its id; ``code`` is what its tills send."""
    _locked_merchant(session, merchant_id)
    store = Store(
        store_id=uuid7(),
        merchant_id=merchant_id,
        code=code,
        name_fa=name_fa.strip(),
        name_en=name_en.strip(),
        city_fa=city_fa.strip(),
        city_en=city_en.strip(),
    )
    _insert(session, store)
    return store.store_id


def register_key(
    session: Session,
    vault: Vault,
    *,
    merchant_id: UUID,
    environment: str,
    now: datetime,
    public_key: bytes | None = None,
) -> NewKey:
    """Register a key of a merchant: its Ed25519 public key, or a new HMAC secret of ours.

    ``public_key`` is the 32 raw bytes of RFC 8032; without it a secret of 32 bytes is made, kept
    sealed and returned this once. A merchant has at most four active keys per environment.
    Raises InvalidKeyError, TooManyKeysError or UnknownMerchantError.
    """
    if environment not in {"live", "test"}:
        raise InvalidKeyError("a key is for live or test", field="environment")
    _locked_merchant(session, merchant_id)
    active = session.scalar(
        select(func.count()).where(
            MerchantKey.merchant_id == merchant_id,
            MerchantKey.environment == environment,
            MerchantKey.revoked_at.is_(None),
        )
    )
    if (active or 0) >= MAX_ACTIVE_KEYS:
        raise TooManyKeysError(
            f"a merchant has at most {MAX_ACTIVE_KEYS} active keys; revoke one first"
        )
    secret = None if public_key is not None else secrets.token_bytes(HMAC_SECRET_BYTES)
    key = MerchantKey(
        key_id=_new_key_id(environment),
        merchant_id=merchant_id,
        environment=environment,
        algorithm="ed25519" if secret is None else "hmac-sha256",
        public_key=None if public_key is None else _checked_public_key(public_key),
        sealed_secret=None if secret is None else vault.seal(secret, purpose=KEY_PURPOSE),
        created_at=now,
    )
    session.add(key)
    session.flush()
    return NewKey(key_id=key.key_id, algorithm=key.algorithm, secret=secret)


def open_secret(vault: Vault, *, sealed_secret: bytes) -> bytes:
    """Return the secret of an HMAC key; raise SealBrokenError where it does not open."""
    return vault.open(sealed_secret, purpose=KEY_PURPOSE)


def revoke_key(session: Session, *, merchant_id: UUID, key_id: str, now: datetime) -> None:
    """Make a merchant's key useless from now on; revoking it again changes nothing."""
    key = session.scalars(
        select(MerchantKey)
        .where(MerchantKey.key_id == key_id, MerchantKey.merchant_id == merchant_id)
        .with_for_update()
    ).first()
    if key is None:
        raise UnknownKeyError("this merchant has no such key", field="key_id")
    if key.revoked_at is None:
        key.revoked_at = now
        session.flush()


def note_key_use(session: Session, *, key_id: str, day: date) -> None:
    """Remember the last day that a key was used on; later days replace earlier ones."""
    session.execute(
        update(MerchantKey)
        .where(
            MerchantKey.key_id == key_id,
            or_(MerchantKey.last_used_on.is_(None), MerchantKey.last_used_on < day),
        )
        .values(last_used_on=day)
    )


def claim_nonce(session: Session, *, key_id: str, nonce: str, expires_at: datetime) -> bool:
    """Return whether a key uses ``nonce`` for the first time, and remember it.

    This is where nonces go while Valkey is away. ``expires_at`` (wall time) is when no signature
    with the nonce can be valid any more. Two claims at once: the second waits for the first.
    """
    claimed = session.execute(
        insert(Nonce)
        .values(key_id=key_id, digest=sha256(nonce.encode()).digest(), expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(Nonce.key_id)
    )
    return claimed.first() is not None


def forget_nonces(session: Session, *, wall: datetime) -> None:
    """Delete nonces that no valid signature can carry any more."""
    session.execute(delete(Nonce).where(Nonce.expires_at < wall))


def _new_key_id(environment: str) -> str:
    text = base64.b32encode(secrets.token_bytes(_KEY_ID_BYTES)).decode().lower()
    return f"mk_{environment}_{text}"


def _checked_public_key(raw: bytes) -> bytes:
    try:
        Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise InvalidKeyError(
            "an Ed25519 public key has exactly 32 bytes", field="public_key"
        ) from error
    return raw


def _locked_merchant(session: Session, merchant_id: UUID) -> Merchant:
    merchant = session.scalars(
        select(Merchant).where(Merchant.merchant_id == merchant_id).with_for_update()
    ).first()
    if merchant is None:
        raise UnknownMerchantError("there is no such merchant")
    return merchant


def _insert(session: Session, row: Merchant | Store) -> None:
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        sqlstate = getattr(error.orig, "sqlstate", None)
        if sqlstate == _UNIQUE:
            raise CodeTakenError("this code is taken", field="code") from error
        if sqlstate == _CHECK:
            constraint = str(getattr(getattr(error.orig, "diag", None), "constraint_name", ""))
            raise MerchantDataError(
                "a code, a kind or a name is not acceptable", field=constraint.rpartition("_")[2]
            ) from error
        raise
