"""The test vectors of RFC 9421, through the layer below the profile."""

from base64 import b64decode
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from merchant_gateway.signing.base import build_base
from merchant_gateway.signing.keys import Ed25519SigningKey, Ed25519VerifyingKey, HmacKey
from merchant_gateway.signing.parse import parse_member

# RFC 9421, appendix B.2: test-request and test-response, and the messages of B.4 and 2.4.
REQUEST = {
    '"date"': "Tue, 20 Apr 2021 02:07:55 GMT",
    '"@method"': "POST",
    '"@path"': "/foo",
    '"@query"': "?param=Value&Pet=dog",
    '"@authority"': "example.com",
    '"content-type"': "application/json",
    '"content-digest"': "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7B"
    "NNyealdVLvRwEmTHWXvJwew==:",
    '"content-length"': "18",
    '"@query-param";name="Pet"': "dog",
}
RESPONSE = {
    '"@status"': "200",
    '"content-type"': "application/json",
    '"content-digest"': "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wW"
    "dXymyU0rjJuahq4l5aGgfLQ==:",
    '"content-length"': "23",
}
TRANSFORMED = {
    '"@method"': "GET",
    '"@path"': "/demo",
    '"@authority"': "example.org",
    '"accept"': "application/json, */*",
}
BOUND_RESPONSE = {
    '"@status"': "503",
    '"content-digest"': "sha-512=:0Y6iCBzGg5rZtoXS95Ijz03mslf6KAMCloESHObfwnHJDbkkWWQz6PhhU9kxsTb"
    "ARtY2PTBOzq24uJFpHsMuAg==:",
    '"content-type"': "application/json",
    '"@authority";req': "example.com",
    '"@method";req': "POST",
    '"@path";req': "/foo",
    '"content-digest";req': REQUEST['"content-digest"'],
}

# RFC 9421, appendix B.1.2, B.1.3, B.1.4 and B.1.5: the keys.
RSA_PSS_PUBLIC = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2+QEtvpuRaV8Yq40gjUR8y2Rjxa6d"
    "pG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO"
    "7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5WUtzdpiy6LbTgSxP7ociU"
    "4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDO"
    "kFV6+U9nV5oyc6XI2wIDAQAB"
)
ECC_P256_PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM4GF+"
    "hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ=="
)
ED25519_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "kid": "test-key-ed25519",
    "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
}
ED25519_PUBLIC_PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n"
    "-----END PUBLIC KEY-----\n"
)
ED25519_SECRET = b64decode("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=")
SHARED_SECRET = b64decode(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
)


@dataclass(frozen=True, slots=True)
class Vector:
    """One published signature."""

    source: str
    message: dict[str, str]
    key: str
    parameters: str
    signature: str


VECTORS = (
    Vector(
        source="RFC 9421 B.2.1",
        message=REQUEST,
        key="rsa-pss",
        parameters='();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
        signature="d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++"
        "wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgF"
        "Whzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5"
        "TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
    ),
    Vector(
        source="RFC 9421 B.2.2",
        message=REQUEST,
        key="rsa-pss",
        parameters='("@authority" "content-digest" "@query-param";name="Pet");created=1618884473'
        ';keyid="test-key-rsa-pss";tag="header-example"',
        signature="LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfK"
        "tjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY"
        "17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3"
        "I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
    ),
    Vector(
        source="RFC 9421 B.2.3",
        message=REQUEST,
        key="rsa-pss",
        parameters='("date" "@method" "@path" "@query" "@authority" "content-type" '
        '"content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"',
        signature="bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt"
        "683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKi"
        "LJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9"
        "eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
    ),
    Vector(
        source="RFC 9421 B.2.4",
        message=RESPONSE,
        key="ecc-p256",
        parameters='("@status" "content-type" "content-digest" "content-length");created=1618884473'
        ';keyid="test-key-ecc-p256"',
        signature="wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32"
        "oiasw==",
    ),
    Vector(
        source="RFC 9421 B.2.5",
        message=REQUEST,
        key="hmac",
        parameters='("date" "@authority" "content-type");created=1618884473'
        ';keyid="test-shared-secret"',
        signature="pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
    ),
    Vector(
        source="RFC 9421 B.2.6",
        message=REQUEST,
        key="ed25519",
        parameters='("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"',
        signature="wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPp"
        "BKRCw==",
    ),
    Vector(
        source="RFC 9421 B.4",
        message=TRANSFORMED,
        key="ed25519",
        parameters='("@method" "@path" "@authority" "accept");created=1618884473'
        ';keyid="test-key-ed25519"',
        signature="ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pm"
        "j3NDA==",
    ),
    Vector(
        source="RFC 9421 2.4 (parts of the request in a response)",
        message=BOUND_RESPONSE,
        key="ecc-p256",
        parameters='("@status" "content-digest" "content-type" "@authority";req "@method";req '
        '"@path";req "content-digest";req);created=1618884479;keyid="test-key-ecc-p256"',
        signature="dMT/A/76ehrdBTD/2Xx8QuKV6FoyzEP/I9hdzKN8LQJLNgzU4W767HK05rx1i8meNQQgQPgQp8wq2ive3"
        "tV5Ag==",
    ),
)


def verify(*, key: str, signature: bytes, base: bytes) -> None:
    """Verify with the key of the RFC, raising when the signature does not fit."""
    if key == "ed25519":
        assert Ed25519VerifyingKey.from_jwk(ED25519_JWK).verify(signature=signature, message=base)
    elif key == "hmac":
        assert HmacKey(SHARED_SECRET).verify(signature=signature, message=base)
    elif key == "rsa-pss":
        public = load_der_public_key(b64decode(RSA_PSS_PUBLIC))
        assert isinstance(public, rsa.RSAPublicKey)
        salted = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)
        public.verify(signature, base, salted, hashes.SHA512())
    else:
        public = load_der_public_key(b64decode(ECC_P256_PUBLIC))
        assert isinstance(public, ec.EllipticCurvePublicKey)
        pair = (int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        public.verify(encode_dss_signature(*pair), base, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.source)
def test_published_signature_verifies_over_the_base_we_build(vector: Vector) -> None:
    member = parse_member(
        signature_input=f"sig-b2={vector.parameters}",
        signature=f"sig-b2=:{vector.signature}:",
    )
    base = build_base(
        components=[(name, vector.message[name]) for name in member.components],
        parameters=member.parameters,
    )
    verify(key=vector.key, signature=member.signature, base=base)


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if v.key in {"ed25519", "hmac"}], ids=lambda vector: vector.source
)
def test_deterministic_algorithms_give_the_published_bytes(vector: Vector) -> None:
    member = parse_member(
        signature_input=f"x={vector.parameters}", signature=f"x=:{vector.signature}:"
    )
    base = build_base(
        components=[(name, vector.message[name]) for name in member.components],
        parameters=member.parameters,
    )
    ed25519 = Ed25519SigningKey.from_raw(ED25519_SECRET)
    key = ed25519 if vector.key == "ed25519" else HmacKey(SHARED_SECRET)
    assert key.sign(base) == b64decode(vector.signature)


def test_the_base_of_b_2_6_reads_as_the_rfc_prints_it() -> None:
    # RFC 9421 B.2.6, the signature base, lines unfolded.
    vector = next(v for v in VECTORS if v.source == "RFC 9421 B.2.6")
    names = ('"date"', '"@method"', '"@path"', '"@authority"', '"content-type"', '"content-length"')
    base = build_base(
        components=[(name, REQUEST[name]) for name in names], parameters=vector.parameters
    )
    assert base.decode("ascii") == (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        '"@method": POST\n'
        '"@path": /foo\n'
        '"@authority": example.com\n'
        '"content-type": application/json\n'
        '"content-length": 18\n'
        '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" '
        '"content-length");created=1618884473;keyid="test-key-ed25519"'
    )


def test_the_ed25519_key_of_b_1_4_loads_from_every_form() -> None:
    # RFC 9421 B.1.4: the same key as JWK and as PEM.
    from_secret = Ed25519SigningKey.from_raw(ED25519_SECRET).verifying_key()
    from_jwk = Ed25519VerifyingKey.from_jwk(ED25519_JWK)
    from_pem = Ed25519VerifyingKey.from_pem(ED25519_PUBLIC_PEM)
    assert from_secret.to_raw() == from_jwk.to_raw() == from_pem.to_raw()
    assert from_secret.to_pem() == ED25519_PUBLIC_PEM
    assert from_secret.to_base64url() == ED25519_JWK["x"]
