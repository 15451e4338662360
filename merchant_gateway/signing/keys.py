"""Signing keys: Ed25519 and, for tills that can do no better, HMAC-SHA256.

A key object holds the loaded key, so a caller that keeps it pays for loading once. An algorithm
belongs to a key and is never taken from a message.
"""

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from merchant_gateway.signing import profile
from merchant_gateway.signing.errors import KeyMalformedError
from merchant_gateway.signing.words import gettext as _

_ED25519_BYTES = 32
_FIELD = 2**255 - 19
_SIGN_BIT = 2**255

# The y coordinates of the eight points whose order divides the cofactor (RFC 7748, 6.1, asks
# for such care in its own setting). Under such a key one signature fits any message, so a
# merchant who registered one could disown whatever was signed with it.
_ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = frozenset({0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y})


class Algorithm(StrEnum):
    """The algorithms of the profile, by their names in RFC 9421, 6.2.2."""

    ED25519 = "ed25519"
    HMAC_SHA256 = "hmac-sha256"


class VerifyingKey(Protocol):
    """A key that can tell whether a signature fits a message."""

    @property
    def algorithm(self) -> Algorithm:
        """The one algorithm that this key is used with."""

    def verify(self, *, signature: bytes, message: bytes) -> bool:
        """Return whether the signature fits the message."""


class SigningKey(Protocol):
    """A key that can sign a message."""

    @property
    def algorithm(self) -> Algorithm:
        """The one algorithm that this key is used with."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature of the message."""


@dataclass(frozen=True, slots=True)
class Ed25519VerifyingKey:
    """The public half of an Ed25519 key (RFC 8032)."""

    public_key: Ed25519PublicKey
    algorithm: ClassVar[Algorithm] = Algorithm.ED25519

    def __post_init__(self) -> None:
        _check_point(self.public_key.public_bytes_raw())

    @classmethod
    def from_raw(cls, raw: bytes) -> "Ed25519VerifyingKey":
        """Load 32 bytes as RFC 8032, 5.1.5, writes them; raises KeyMalformedError."""
        try:
            return cls(Ed25519PublicKey.from_public_bytes(raw))
        except ValueError as error:
            raise KeyMalformedError(_("An Ed25519 public key has exactly 32 bytes.")) from error

    @classmethod
    def from_base64url(cls, text: str) -> "Ed25519VerifyingKey":
        """Load unpadded base64url of the 32 bytes; raises KeyMalformedError."""
        return cls.from_raw(_base64url_decode(text))

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "Ed25519VerifyingKey":
        """Load a public JWK (RFC 8037); raises KeyMalformedError, for a private one too."""
        if "d" in jwk:
            raise KeyMalformedError(
                _(
                    "The JWK holds a private key (d). Never send it; make a new key and register "
                    "only its public half."
                )
            )
        x = jwk.get("x")
        if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or not isinstance(x, str):
            raise KeyMalformedError(_('The JWK must have kty "OKP", crv "Ed25519" and x.'))
        return cls.from_base64url(x)

    @classmethod
    def from_pem(cls, pem: str) -> "Ed25519VerifyingKey":
        """Load a PEM SubjectPublicKeyInfo (RFC 8410); raises KeyMalformedError."""
        if "PRIVATE KEY" in pem:
            raise KeyMalformedError(
                _(
                    "The PEM holds a private key. Never send it; make a new key and register only "
                    "its public half."
                )
            )
        try:
            loaded = load_pem_public_key(pem.encode("ascii"))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyMalformedError(_("The PEM of the public key cannot be read.")) from error
        if not isinstance(loaded, Ed25519PublicKey):
            raise KeyMalformedError(_("The PEM must hold an Ed25519 public key."))
        return cls(loaded)

    def to_raw(self) -> bytes:
        """Return the 32 bytes of the public key."""
        return self.public_key.public_bytes_raw()

    def to_base64url(self) -> str:
        """Return the 32 bytes as unpadded base64url."""
        return urlsafe_b64encode(self.to_raw()).rstrip(b"=").decode("ascii")

    def to_jwk(self, *, key_id: str) -> dict[str, str]:
        """Return the public JWK (RFC 8037), as published in a key set."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": key_id,
            "use": "sig",
            "alg": "EdDSA",
            "x": self.to_base64url(),
        }

    def to_pem(self) -> str:
        """Return the PEM SubjectPublicKeyInfo."""
        pem = self.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem.decode("ascii")

    def verify(self, *, signature: bytes, message: bytes) -> bool:
        """Return whether the signature fits the message."""
        try:
            self.public_key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Ed25519SigningKey:
    """A whole Ed25519 key; its representation shows nothing of it."""

    private_key: Ed25519PrivateKey = field(repr=False)
    algorithm: ClassVar[Algorithm] = Algorithm.ED25519

    @classmethod
    def generate(cls) -> "Ed25519SigningKey":
        """Make a new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_raw(cls, raw: bytes) -> "Ed25519SigningKey":
        """Load the 32 secret bytes; raises KeyMalformedError."""
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(raw))
        except ValueError as error:
            raise KeyMalformedError(_("An Ed25519 private key has exactly 32 bytes.")) from error

    @classmethod
    def from_pem(cls, pem: str) -> "Ed25519SigningKey":
        """Load an unencrypted PEM (PKCS #8); raises KeyMalformedError."""
        try:
            loaded = load_pem_private_key(pem.encode("ascii"), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyMalformedError(
                _("The PEM of the private key cannot be read; it must be unencrypted PKCS #8.")
            ) from error
        if not isinstance(loaded, Ed25519PrivateKey):
            raise KeyMalformedError(_("The PEM must hold an Ed25519 private key."))
        return cls(loaded)

    def to_raw(self) -> bytes:
        """Return the 32 secret bytes."""
        return self.private_key.private_bytes_raw()

    def to_pem(self) -> str:
        """Return the key as unencrypted PEM (PKCS #8)."""
        return self.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode("ascii")

    def verifying_key(self) -> Ed25519VerifyingKey:
        """Return the public half."""
        return Ed25519VerifyingKey(self.private_key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self.private_key.sign(message)


@dataclass(frozen=True, slots=True)
class HmacKey:
    """A secret of 32 bytes or more that signs and verifies; its representation hides it."""

    secret: bytes = field(repr=False)
    algorithm: ClassVar[Algorithm] = Algorithm.HMAC_SHA256

    def __post_init__(self) -> None:
        if not (profile.HMAC_SECRET_MIN_BYTES <= len(self.secret) <= profile.HMAC_SECRET_MAX_BYTES):
            raise KeyMalformedError(
                _("An HMAC secret has %(least)s to %(most)s bytes."),
                least=profile.HMAC_SECRET_MIN_BYTES,
                most=profile.HMAC_SECRET_MAX_BYTES,
            )

    @classmethod
    def generate(cls) -> "HmacKey":
        """Make a new secret from the system's randomness."""
        return cls(secrets.token_bytes(profile.HMAC_SECRET_MIN_BYTES))

    def sign(self, message: bytes) -> bytes:
        """Return the 32 bytes of the authentication code."""
        return hmac.digest(self.secret, message, "sha256")

    def verify(self, *, signature: bytes, message: bytes) -> bool:
        """Return whether the code fits the message, in a time that tells nothing of it."""
        return hmac.compare_digest(self.sign(message), signature)


def _base64url_decode(text: str) -> bytes:
    try:
        decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise KeyMalformedError(_("The key is not base64url.")) from error
    # The decoder skips characters that do not belong; writing it again finds them.
    if urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii") != text:
        raise KeyMalformedError(_("The key is not unpadded base64url of whole bytes."))
    return decoded


def _check_point(raw: bytes) -> None:
    y = int.from_bytes(raw, "little") % _SIGN_BIT
    if len(raw) != _ED25519_BYTES or y >= _FIELD or y in _SMALL_ORDER_Y:
        raise KeyMalformedError(_("This Ed25519 public key is weak: it would fit any signature."))
