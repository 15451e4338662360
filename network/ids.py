"""Identifiers: UUIDv7 inside, prefixed base32 outside.

A public id of a member's entry carries its member, sealed: the wallet that holds the entry is
found from the id alone, without a lookup and without a merchant learning who the member is
(decision 4 in docs/architecture.md). AES-SIV (RFC 5297) is deterministic, so the same entry
always has the same public id, and an invented id does not open.
"""

from __future__ import annotations

import base64
import os
import random
import time
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from network.errors import PeyvandError
from network.vault import Vault

SEQUENCE_BYTES = 5
_ENTRY_ID_CHARACTERS = 60
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_THREES = ["".join(three) for three in product(_ALPHABET, repeat=3)]
_STEP = 15
"""Bits that three characters hold."""
_MASK = (1 << _STEP) - 1


class UnknownIdError(PeyvandError):
    """A public id is malformed, of another kind, or was not issued by this network."""

    code = "unknown_id"


def uuid7() -> UUID:
    """Return a new UUID version 7 (RFC 9562 section 5.7): Unix milliseconds, then randomness."""
    return UUID(int=_timed(int.from_bytes(os.urandom(10))))


def _timed(chance: int) -> int:
    """Return 80 random bits under the time, version and variant in their places."""
    value = (time.time_ns() // 1_000_000 << 80) | chance
    return value & ~(0xF << 76 | 0x3 << 62) | (0x7 << 76 | 0x2 << 62)


def shared_wallet_id() -> UUID:
    """Return a new id for a wallet that several people share; it sorts after every person's.

    Wallets are locked in the order of their ids, so whoever holds a person's may wait for the one
    that the person shares, and nobody waits in a circle.
    """
    return UUID(int=uuid7().int | 0xF << 124)


def is_shared_wallet(identifier: UUID) -> bool:
    """Return whether an id is that of a wallet that several people share."""
    return identifier.int >> 124 == 0xF  # noqa: PLR2004 - the first hexadecimal digit, see above


def encode(prefix: str, identifier: UUID) -> str:
    """Return the public form of a UUID key, for example ``mer_06c1…`` (26 base32 characters)."""
    return f"{prefix}_{_to_base32(identifier.bytes)}"


def passing(prefix: str) -> str:
    """Return the public form of a new UUIDv7 for what is stored nowhere and grants nothing.

    Its chance does not come from the kernel, which would cost the interpreter's lock.
    """
    return f"{prefix}_{_to_base32(_timed(random.getrandbits(80)).to_bytes(16))}"


def decode(prefix: str, text: str, *, field: str | None = None) -> UUID:
    """Return the UUID of a public id; raise UnknownIdError naming ``field``."""
    raw = _from_base32(text, prefix=prefix, field=field)
    if len(raw) != 16:  # noqa: PLR2004 - a UUID has 16 bytes
        raise UnknownIdError(f"this is not an id that begins with {prefix}_", field=field)
    return UUID(bytes=raw)


@dataclass(frozen=True, slots=True)
class EntryKey:
    """Where an entry lies: its member's wallet and its number there."""

    member_id: UUID
    sequence: int


class EntryIds:
    """Seals entry keys into public ids and opens them again."""

    def __init__(self, vault: Vault) -> None:
        self._cipher = AESSIV(vault.key("entry-ids", 64))

    def encode(self, *, prefix: str, member_id: UUID, sequence: int) -> str:
        """Return the public id of an entry, for example ``ent_…`` (64 characters in all)."""
        plain = member_id.bytes + sequence.to_bytes(SEQUENCE_BYTES)
        return f"{prefix}_{_to_base32(self._cipher.encrypt(plain, [b'entry']))}"

    def decode(self, text: str, *, prefix: str, field: str | None = None) -> EntryKey:
        """Return the key inside a public id; raise UnknownIdError where it was not issued here."""
        raw = _from_base32(text, prefix=prefix, field=field)
        try:
            plain = self._cipher.decrypt(raw, [b"entry"])
        except (InvalidTag, ValueError) as error:
            raise UnknownIdError("this id was not issued by this network", field=field) from error
        return EntryKey(UUID(bytes=plain[:16]), int.from_bytes(plain[16:]))


def _to_base32(raw: bytes) -> str:
    """Return the lower-case form without padding (RFC 4648), in half the time of the library's."""
    bits = 8 * len(raw)
    value = int.from_bytes(raw) << -bits % _STEP
    last = bits + -bits % _STEP - _STEP
    found = [_THREES[value >> place & _MASK] for place in range(last, -1, -_STEP)]
    return "".join(found)[: -(-bits // 5)]


def _from_base32(text: str, *, prefix: str, field: str | None) -> bytes:
    head, _, body = text.partition("_")
    if head != prefix or not body.isascii() or len(body) > _ENTRY_ID_CHARACTERS:
        raise UnknownIdError(f"this is not an id that begins with {prefix}_", field=field)
    try:
        raw = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
    except ValueError as error:
        raise UnknownIdError("this id has a character that no id has", field=field) from error
    if _to_base32(raw) != body:
        raise UnknownIdError("this id is not in its one written form", field=field)
    return raw
