"""A member's own key: what a person told us opens with it, and with nothing once it is deleted."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from network.lean import lean
from network.messaging.service import NUMBER_PURPOSE
from network.vault import NONCE_BYTES, SealBrokenError, Vault

KEY_BYTES = 32
_WRAP_PURPOSE = "member-key"


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKey:
    """Seals and opens one member's data (AES-256-GCM, bound to the member and the field)."""

    member_id: UUID
    key: bytes = field(repr=False)

    def seal(self, plain: bytes, *, name: str) -> bytes:
        """Encrypt the value of the field ``name``."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, plain, self._bound(name))

    def open(self, sealed: bytes, *, name: str) -> bytes:
        """Decrypt the value of the field ``name``; raise SealBrokenError where it was changed."""
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(self.key).decrypt(nonce, body, self._bound(name))
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError("a member's sealed value does not open") from error

    def _bound(self, name: str) -> bytes:
        return self.member_id.bytes + name.encode()


def new_person_key(vault: Vault, *, member_id: UUID) -> tuple[PersonKey, bytes]:
    """Return a new key for a member and its sealed form for ``network.member_key``."""
    key = os.urandom(KEY_BYTES)
    sealed = vault.seal(member_id.bytes + key, purpose=_WRAP_PURPOSE)
    return PersonKey(member_id=member_id, key=key), sealed


def open_person_key(vault: Vault, *, member_id: UUID, sealed_key: bytes) -> PersonKey:
    """Return a member's key; raise SealBrokenError where it is another member's or was changed."""
    plain = vault.open(sealed_key, purpose=_WRAP_PURPOSE)
    if plain[:16] != member_id.bytes:
        raise SealBrokenError("this key belongs to another member")
    return PersonKey(member_id=member_id, key=plain[16:])


def phone_index(vault: Vault, *, phone: str) -> bytes:
    """Return the blind index of a phone in E.164."""
    return vault.blind_index(phone, purpose=NUMBER_PURPOSE)
