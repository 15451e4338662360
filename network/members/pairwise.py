"""The name by which one merchant knows a member, and no other merchant does.

The member's id sealed for the merchant (AES-SIV, RFC 5297): always the same for the two of them,
so that two merchants cannot compare theirs.
"""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from network.errors import PeyvandError
from network.vault import Vault

_SEALED_BYTES = 32


class UnknownNameError(PeyvandError):
    """This is no member's name, or another merchant's name of one."""

    code = "unknown_member_name"


class PairwiseNames:
    """Seals members' ids for merchants and opens them again."""

    def __init__(self, vault: Vault) -> None:
        self._cipher = AESSIV(vault.key("pairwise-subject", 64))

    def name(self, *, member_id: UUID, merchant_id: UUID) -> str:
        """Return the name by which this merchant, and no other, knows the member."""
        sealed = self._cipher.encrypt(member_id.bytes, [merchant_id.bytes])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def member(self, name: str, *, merchant_id: UUID) -> UUID:
        """Return the member that a name means to this merchant; raise UnknownNameError."""
        try:
            sealed = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))
            raw = self._cipher.decrypt(sealed[:_SEALED_BYTES], [merchant_id.bytes])
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise UnknownNameError("the name does not open") from error
        return UUID(bytes=raw)
