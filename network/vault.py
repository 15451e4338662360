"""Secrets at rest: keys derived from the master key, sealed values, blind indexes.

Every purpose has a key of its own, derived by HKDF-SHA256 (RFC 5869) from the master key, so that
one leaked purpose says nothing of another. Sealed values are AES-256-GCM with a random 96-bit
nonce in front and the purpose as associated data; a blind index is HMAC-SHA256, so that a phone
number can be found without being readable.
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from network.errors import InvariantError

NONCE_BYTES = 12


class SealBrokenError(InvariantError):
    """A sealed value was made with another master key, for another purpose, or was changed."""

    code = "seal_broken"


class Vault:
    """Derives purpose keys from one master key, seals and opens values with them."""

    def __init__(self, master_key: bytes) -> None:
        self._master_key = master_key
        self.key = lru_cache(maxsize=64)(self._derive)
        self._keyed = lru_cache(maxsize=64)(self._keyed_by)
        self._cipher = lru_cache(maxsize=64)(self._cipher_of)

    def _derive(self, purpose: str, length: int = 32) -> bytes:
        return HKDF(
            algorithm=SHA256(), length=length, salt=b"peyvand-vault-v1", info=purpose.encode()
        ).derive(self._master_key)

    def seal(self, plain: bytes, *, purpose: str) -> bytes:
        """Encrypt and authenticate ``plain``; the result opens only for the same purpose."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher(purpose).encrypt(nonce, plain, purpose.encode())

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Decrypt what ``seal`` made; raise SealBrokenError where anything differs."""
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher(purpose).decrypt(nonce, body, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError(
                f"a sealed value for '{purpose}' does not open with this master key"
            ) from error

    def blind_index(self, value: str, *, purpose: str) -> bytes:
        """Return the 32 bytes by which an encrypted ``value`` is found again."""
        keyed = self._keyed(purpose).copy()  # a fresh one looks the algorithm up each time
        keyed.update(value.encode())
        return keyed.digest()

    def _cipher_of(self, purpose: str) -> AESGCM:
        return AESGCM(self.key(purpose))

    def _keyed_by(self, purpose: str) -> hmac.HMAC:
        return hmac.new(self.key(purpose), digestmod=sha256)
