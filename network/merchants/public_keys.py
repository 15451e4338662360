"""Ed25519 public keys as people hand them over, and which of them are good enough.

The gateway's signing module refuses the same keys, but serves merchants without the network; what
an operator registers never passes it, so the rule stands here too.
"""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from network.merchants.errors import InvalidKeyError

RAW_BYTES = 32
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
_ARMOUR = re.compile(r"-----(BEGIN|END) PUBLIC KEY-----")
_FIELD = 2**255 - 19
_SIGN_BIT = 2**255
_ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = frozenset({0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y})
"""The y coordinates of the points of small order: under such a key one signature fits any text."""


def read_public_key(text: str) -> bytes:
    """Return the 32 bytes of a public key given as PEM (RFC 8410) or base64 of either alphabet.

    Raises InvalidKeyError, for a private key and for a weak one too.
    """
    if "PRIVATE KEY" in text:
        raise InvalidKeyError("this is a private key; never hand it over", field="public_key")
    body = "".join(_ARMOUR.sub("", text).split()).replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidKeyError("this is no public key", field="public_key") from error
    return checked_public_key(raw.removeprefix(_SPKI_PREFIX))


def checked_public_key(raw: bytes) -> bytes:
    """Return the 32 bytes of a key that is no point of small order; raise InvalidKeyError."""
    y = int.from_bytes(raw, "little") % _SIGN_BIT
    if len(raw) != RAW_BYTES or y >= _FIELD or y in _SMALL_ORDER_Y:
        raise InvalidKeyError(
            "an Ed25519 public key has exactly 32 bytes and is no weak one", field="public_key"
        )
    try:
        Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise InvalidKeyError("this is no Ed25519 public key", field="public_key") from error
    return raw


def fingerprint(public_key: bytes) -> str:
    """Return the SHA-256 of a public key as people compare it."""
    return "SHA256:" + base64.b64encode(sha256(public_key).digest()).decode().rstrip("=")
