"""EdDSA in JOSE against RFC 8037, appendix A, by the keys and the library that tokens use."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import jwt
import pytest

from merchant_gateway.signing import Ed25519SigningKey, Ed25519VerifyingKey
from merchant_gateway.tokens import ALGORITHM

# RFC 8037: A.1 and A.2 (the key), A.3 (its thumbprint), A.4 (the JWS).
SECRET = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
PUBLIC = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
PAYLOAD = b"Example of Ed25519 signing"
JWS = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_the_key_of_a_1_has_the_public_half_of_a_2() -> None:
    key = Ed25519SigningKey.from_raw(_decoded(SECRET))
    assert key.verifying_key().to_base64url() == PUBLIC["x"]
    jwk = key.verifying_key().to_jwk(key_id="k")
    assert {name: jwk[name] for name in PUBLIC} == PUBLIC


def test_the_thumbprint_of_a_3() -> None:
    members = json.dumps(PUBLIC, sort_keys=True, separators=(",", ":")).encode()
    assert _encoded(hashlib.sha256(members).digest()) == THUMBPRINT


def test_the_jws_of_a_4_is_verified_and_made() -> None:
    key = Ed25519SigningKey.from_raw(_decoded(SECRET))
    public = Ed25519VerifyingKey.from_jwk(PUBLIC)
    signed, _, signature = JWS.rpartition(".")
    assert public.verify(signature=_decoded(signature), message=signed.encode())
    assert _encoded(key.sign(signed.encode())) == signature
    jose = jwt.PyJWS()
    assert jose.decode(JWS, public.public_key, algorithms=[ALGORITHM]) == PAYLOAD
    header = {"typ": None}  # RFC 8037's header names the algorithm and nothing else
    assert jose.encode(PAYLOAD, key.private_key, algorithm=ALGORITHM, headers=header) == JWS


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_changed_part_is_refused(place: int) -> None:
    parts = JWS.split(".")
    # The first character carries six whole bits, so that it changes what is decoded.
    parts[place] = ("A" if parts[place][0] != "A" else "B") + parts[place][1:]
    with pytest.raises(jwt.InvalidTokenError):
        jwt.PyJWS().decode(
            ".".join(parts),
            Ed25519VerifyingKey.from_jwk(PUBLIC).public_key,
            algorithms=[ALGORITHM],
        )
