"""A merchant's signing key from its file."""

from __future__ import annotations

import os
from pathlib import Path

from merchant_gateway.client.errors import KeyFileError
from merchant_gateway.signing import Ed25519SigningKey, HmacKey, SigningError, SigningKey

_HMAC_PREFIX = "hmac:"


def load_key(path: str | os.PathLike[str]) -> SigningKey:
    """Return the key in a file: an Ed25519 private key as PEM, or ``hmac:`` and hexadecimal.

    Raises KeyFileError where there is none.
    """
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"the key file {os.fspath(path)} cannot be read") from error
    try:
        if text.startswith(_HMAC_PREFIX):
            return HmacKey(bytes.fromhex(text.removeprefix(_HMAC_PREFIX)))
        return Ed25519SigningKey.from_pem(text)
    except (SigningError, ValueError) as error:
        raise KeyFileError(f"the key file {os.fspath(path)} holds no key: {error}") from error
