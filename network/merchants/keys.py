"""The keys that merchants sign with: registered, replaced with an overlap, revoked at once."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from network.errors import InvariantError
from network.events.service import publish
from network.merchants import access_epoch
from network.merchants.errors import (
    InvalidKeyError,
    KeyKnownError,
    KeyReplacedError,
    TooManyKeysError,
    TooManyNewKeysError,
    UnknownKeyError,
)
from network.merchants.locking import locked_seller
from network.merchants.models import MerchantKey
from network.merchants.public_keys import checked_public_key
from network.merchants.scopes import SCOPES, ordered
from network.vault import Vault

LIVE, TEST = "live", "test"
MAX_ACTIVE_KEYS = 4
NEW_KEYS_A_DAY = 20
OVERLAP = timedelta(days=7)
DAY = timedelta(days=1)
HMAC_SECRET_BYTES = 32
KEY_PURPOSE = "merchant-key"
KEY_TOPIC = "merchant.live_key"
"""By which a merchant's people are told that a live key was registered (network/portal/news.py)."""

_KEY_ID_BYTES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just registered; ``secret`` is shown this once and only for HMAC keys."""

    key_id: str
    algorithm: str
    scopes: tuple[str, ...] = SCOPES
    secret: bytes | None = field(default=None, repr=False)


def register_key(
    session: Session,
    vault: Vault | None,
    *,
    merchant_id: UUID,
    environment: str,
    now: datetime,
    public_key: bytes | None = None,
    scopes: Iterable[str] = SCOPES,
) -> NewKey:
    """Register a key of a merchant: its Ed25519 public key, or a new HMAC secret of ours.

    ``public_key`` is the 32 raw bytes of RFC 8032; without it a secret of 32 bytes is made, kept
    sealed and returned this once. A merchant has at most four active keys per environment, and
    registers one public key once in each, so that a revoked one does not come back. ``scopes`` are
    what the key opens. Who holds a key can make others, so there are at most twenty new ones of an
    environment in 24 hours. The merchant is told of each live one (``KEY_TOPIC``). ``vault`` seals
    secrets, and is not needed for a public key. Raises InvalidKeyError, KeyKnownError,
    TooManyKeysError, TooManyNewKeysError, SponsorSellsNothingError or UnknownMerchantError.
    """
    raw = None if public_key is None else checked_public_key(public_key)
    opens = check_registrable(
        session,
        merchant_id=merchant_id,
        environment=environment,
        now=now,
        public_key=raw,
        scopes=scopes,
    )
    secret = None if raw is not None else secrets.token_bytes(HMAC_SECRET_BYTES)
    key = MerchantKey(
        key_id=_new_key_id(environment),
        merchant_id=merchant_id,
        environment=environment,
        algorithm="ed25519" if secret is None else "hmac-sha256",
        public_key=raw,
        sealed_secret=None if secret is None else _sealed(vault, secret),
        scopes=list(opens),
        created_at=now,
    )
    session.add(key)
    session.flush()
    if environment == LIVE:
        publish(session, topic=KEY_TOPIC, payload={"key_id": key.key_id})
    return NewKey(key_id=key.key_id, algorithm=key.algorithm, scopes=opens, secret=secret)


def check_registrable(
    session: Session,
    *,
    merchant_id: UUID,
    environment: str,
    now: datetime,
    public_key: bytes | None,
    scopes: Iterable[str],
) -> tuple[str, ...]:
    """Refuse a key that could not be registered now; return its scopes in their order.

    Raises what ``register_key`` raises, and holds the merchant until the commit.
    """
    if environment not in {LIVE, TEST}:
        raise InvalidKeyError("a key is for live or test", field="environment")
    opens = _checked_scopes(scopes)
    locked_seller(session, merchant_id)
    if _count_active(session, merchant_id, environment, now) >= MAX_ACTIVE_KEYS:
        raise TooManyKeysError(
            f"a merchant has at most {MAX_ACTIVE_KEYS} active keys; revoke one first",
            facts={"most": MAX_ACTIVE_KEYS},
        )
    if _count_since(session, merchant_id, environment, now - DAY) >= NEW_KEYS_A_DAY:
        raise TooManyNewKeysError(
            f"a merchant registers at most {NEW_KEYS_A_DAY} keys a day",
            facts={"most": NEW_KEYS_A_DAY},
        )
    if public_key is not None and _is_known(session, merchant_id, environment, public_key):
        raise KeyKnownError("this public key was registered before", field="public_key")
    return opens


def _sealed(vault: Vault | None, secret: bytes) -> bytes:
    if vault is None:
        raise InvariantError("a secret is made where it can be sealed")
    return vault.seal(secret, purpose=KEY_PURPOSE)


def end_after_overlap(
    session: Session, *, merchant_id: UUID, key_id: str, now: datetime, overlap: timedelta = OVERLAP
) -> datetime:
    """Let a key that another replaces stop after ``overlap``, and return when.

    An earlier end that is set already stands. Raises UnknownKeyError, or KeyReplacedError where the
    key is revoked or over.
    """
    key = _locked_key(session, merchant_id, key_id)
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise KeyReplacedError("this key has ended already", field="replaces")
    end = now + overlap
    key.expires_at = end if key.expires_at is None else min(key.expires_at, end)
    session.flush()
    access_epoch.note_change(session, merchant_id=merchant_id)
    return key.expires_at


def revoke_key(session: Session, *, merchant_id: UUID, key_id: str, now: datetime) -> bool:
    """Make a merchant's key useless from now on; return False where it was revoked already.

    After the commit ``access_epoch.announce`` makes the very next request meet it.
    """
    key = _locked_key(session, merchant_id, key_id)
    if key.revoked_at is not None:
        return False
    key.revoked_at = now
    session.flush()
    access_epoch.note_change(session, merchant_id=merchant_id)
    return True


def revoke_all(session: Session, *, merchant_id: UUID, now: datetime) -> None:
    """Make every key of a merchant useless from now on."""
    session.execute(
        update(MerchantKey)
        .where(MerchantKey.merchant_id == merchant_id, MerchantKey.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    access_epoch.note_change(session, merchant_id=merchant_id)


def open_secret(vault: Vault, *, sealed_secret: bytes) -> bytes:
    """Return the secret of an HMAC key; raise SealBrokenError where it does not open."""
    return vault.open(sealed_secret, purpose=KEY_PURPOSE)


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


def _checked_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    try:
        opens = ordered(scopes)
    except ValueError as error:
        raise InvalidKeyError("there is no such scope", field="scopes") from error
    if not opens:
        raise InvalidKeyError("a key opens something", field="scopes")
    return opens


def _count_active(session: Session, merchant_id: UUID, environment: str, now: datetime) -> int:
    active = session.scalar(
        select(func.count()).where(
            MerchantKey.merchant_id == merchant_id,
            MerchantKey.environment == environment,
            MerchantKey.revoked_at.is_(None),
            or_(MerchantKey.expires_at.is_(None), MerchantKey.expires_at > now),
        )
    )
    return active or 0


def _count_since(session: Session, merchant_id: UUID, environment: str, since: datetime) -> int:
    made = session.scalar(
        select(func.count()).where(
            MerchantKey.merchant_id == merchant_id,
            MerchantKey.environment == environment,
            MerchantKey.created_at > since,
        )
    )
    return made or 0


def _is_known(session: Session, merchant_id: UUID, environment: str, raw: bytes) -> bool:
    known = exists().where(
        MerchantKey.merchant_id == merchant_id,
        MerchantKey.environment == environment,
        MerchantKey.public_key == raw,
    )
    return bool(session.scalar(select(known)))


def _locked_key(session: Session, merchant_id: UUID, key_id: str) -> MerchantKey:
    key = session.scalars(
        select(MerchantKey)
        .where(MerchantKey.key_id == key_id, MerchantKey.merchant_id == merchant_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if key is None:
        raise UnknownKeyError("this merchant has no such key", field="key_id")
    return key


def _new_key_id(environment: str) -> str:
    text = base64.b32encode(secrets.token_bytes(_KEY_ID_BYTES)).decode().lower()
    return f"mk_{environment}_{text}"
