"""The secrets of a night, drawn from the vault: nothing per member has to be kept."""

from __future__ import annotations

import hmac
from datetime import date
from hashlib import sha256
from uuid import UUID

from network.vault import Vault


class NightSecrets:
    """Says each member's nonce of a night, and where its leaf lies among the others."""

    def __init__(self, vault: Vault, *, business_date: date) -> None:
        self._nonces = vault.key(f"points-proof-nonces:{business_date}")
        self.salt = vault.key(f"points-proof-order:{business_date}")

    def nonce(self, member_id: UUID) -> bytes:
        """Return the member's nonce (32 bytes)."""
        return hmac.digest(self._nonces, member_id.bytes, sha256)

    def tag(self, member_id: UUID) -> bytes:
        """Return the member's place in the order of leaves (32 bytes), as the database sorts."""
        return sha256(self.salt + member_id.bytes).digest()
