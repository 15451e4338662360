"""Loading and storing keys, and the keys that are none."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from merchant_gateway.signing.errors import KeyMalformedError
from merchant_gateway.signing.keys import Ed25519SigningKey, Ed25519VerifyingKey, HmacKey

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def small_order_y() -> set[int]:
    """Compute the y of every point killed by the cofactor, from the curve's own equations.

    Doubling on the curve of RFC 8032, 5.1, takes y to (y^2 + x^2) / (2 - y^2 + x^2), where x^2 is
    (y^2 - 1) / (d y^2 + 1). A point of order 8 doubles to one with y = 0.
    """

    def root(square: int) -> int | None:
        candidate = pow(square, (P + 3) // 8, P)
        for value in (candidate, candidate * pow(2, (P - 1) // 4, P) % P):
            if value * value % P == square % P:
                return value
        return None

    found = {0, 1, P - 1}
    # y^2 + x^2 = 0 gives d y^4 + 2 y^2 - 1 = 0.
    discriminant = root(1 + D)
    assert discriminant is not None
    for sign in (discriminant, -discriminant):
        y = root((sign - 1) * pow(D, -1, P) % P)
        if y is not None:
            found |= {y, P - y}
    return found


def encoded(y: int, *, odd: bool = False) -> bytes:
    """Return the 32 bytes of a point with this y."""
    return (y | (int(odd) << 255)).to_bytes(32, "little")


@pytest.mark.parametrize("odd", [False, True])
def test_every_point_of_small_order_is_refused(odd: bool) -> None:  # noqa: FBT001
    ys = small_order_y()
    assert len(ys) == 5
    for y in ys:
        with pytest.raises(KeyMalformedError, match="weak"):
            Ed25519VerifyingKey.from_raw(encoded(y, odd=odd))
    for y in (P, P + 1, 2**255 - 1):
        with pytest.raises(KeyMalformedError, match="weak"):
            Ed25519VerifyingKey.from_raw(encoded(y, odd=odd))


def test_why_small_order_is_refused_one_signature_fits_every_message() -> None:
    neutral = Ed25519PublicKey.from_public_bytes(encoded(1))
    forged = encoded(1) + bytes(32)
    for message in (b"earn 100 points", b"redeem 100 points"):
        neutral.verify(forged, message)
    with pytest.raises(KeyMalformedError):
        Ed25519VerifyingKey(neutral)


def test_public_keys_keep_their_value_through_every_form() -> None:
    key = Ed25519SigningKey.generate().verifying_key()
    jwk = json.loads(json.dumps(key.to_jwk(key_id="net-1")))
    assert jwk["kid"] == "net-1"
    for again in (
        Ed25519VerifyingKey.from_raw(key.to_raw()),
        Ed25519VerifyingKey.from_base64url(key.to_base64url()),
        Ed25519VerifyingKey.from_jwk(jwk),
        Ed25519VerifyingKey.from_pem(key.to_pem()),
    ):
        assert again.to_raw() == key.to_raw()


def test_private_keys_keep_their_value_and_show_nothing() -> None:
    key = Ed25519SigningKey.generate()
    assert Ed25519SigningKey.from_raw(key.to_raw()).to_raw() == key.to_raw()
    assert Ed25519SigningKey.from_pem(key.to_pem()).to_raw() == key.to_raw()
    assert repr(key) == "Ed25519SigningKey()"
    assert repr(HmacKey.generate()) == "HmacKey()"
    assert HmacKey.generate().secret != HmacKey.generate().secret


X = Ed25519SigningKey.from_raw(bytes(range(32))).verifying_key().to_base64url()


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "OKP", "crv": "Ed25519"},
        {"kty": "OKP", "crv": "Ed25519", "x": 7},
        {"kty": "OKP", "crv": "X25519", "x": X},
        {"kty": "EC", "crv": "P-256", "x": X, "y": X},
        {"kty": "OKP", "crv": "Ed25519", "x": X, "d": X},
        {"kty": "OKP", "crv": "Ed25519", "x": X[:-1]},
        {"kty": "OKP", "crv": "Ed25519", "x": X + "="},
        {"kty": "OKP", "crv": "Ed25519", "x": X[:-1] + "!"},
        {"kty": "OKP", "crv": "Ed25519", "x": X + "\n"},
        {"kty": "OKP", "crv": "Ed25519", "x": "\u0645" * 43},
        {"kty": "OKP", "crv": "Ed25519", "x": X[:40]},
    ],
)
def test_jwks_that_hold_no_public_ed25519_key(jwk: dict[str, str | int]) -> None:
    with pytest.raises(KeyMalformedError):
        Ed25519VerifyingKey.from_jwk(jwk)


def test_pems_of_the_wrong_kind_are_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    other_public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other_private = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = Ed25519SigningKey.generate()
    for pem in (other_public.decode(), "nonsense", "", "\u0645"):
        with pytest.raises(KeyMalformedError):
            Ed25519VerifyingKey.from_pem(pem)
    with pytest.raises(KeyMalformedError, match="Never send"):
        Ed25519VerifyingKey.from_pem(key.to_pem())
    for pem in (other_private.decode(), key.verifying_key().to_pem(), "nonsense", "\u0645"):
        with pytest.raises(KeyMalformedError):
            Ed25519SigningKey.from_pem(pem)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_raw_keys_have_32_bytes(length: int) -> None:
    with pytest.raises(KeyMalformedError, match="32 bytes"):
        Ed25519VerifyingKey.from_raw(bytes(length))
    with pytest.raises(KeyMalformedError, match="32 bytes"):
        Ed25519SigningKey.from_raw(bytes(length))
