"""Content-Digest against RFC 9530, and refused where it says less than it seems to."""

import hashlib
from base64 import b64encode

import pytest

from merchant_gateway.signing.digest import check_content_digest, content_digest
from merchant_gateway.signing.errors import (
    DigestMalformedError,
    DigestMismatchError,
    DigestMissingError,
)

HELLO = b'{"hello": "world"}'
HELLO_LINE = HELLO + b"\n"
SHA_256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
SHA_512 = (
    "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3"
    "qg==:"
)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        # RFC 9530, B.1: the whole content, with its line feed.
        (HELLO_LINE, SHA_256),
        # RFC 9530, B.2: no content.
        (b"", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
        # RFC 9530, B.3: partial content.
        (b'"world"}\n', "sha-256=:jjcgBDWNAtbYUXI37CVG3gRuGOAjaaDRGpIUFsdyepQ=:"),
        # RFC 9530, appendix D: sample values, without the line feed.
        (HELLO, "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
    ],
)
def test_sha_256_of_the_standard(body: bytes, header: str) -> None:
    assert content_digest(body) == header
    check_content_digest(header=header, body=body)


# RFC 9530, section 2: sha-512 alone, and several algorithms in one field.
@pytest.mark.parametrize("header", [SHA_512, f"{SHA_512}, {SHA_256}", f"{SHA_256},{SHA_512}"])
def test_sha_512_and_both_together_are_accepted(header: str) -> None:
    check_content_digest(header=header, body=HELLO_LINE)


@pytest.mark.parametrize("header", [None, ""])
def test_a_missing_digest_is_named(header: str | None) -> None:
    with pytest.raises(DigestMissingError, match="Content-Digest"):
        check_content_digest(header=header, body=HELLO)


@pytest.mark.parametrize(
    "header",
    [
        content_digest(b"another body"),
        # The first is right, the second is that of another body.
        f"{SHA_256}, sha-512=:{b64encode(hashlib.sha512(b'x').digest()).decode()}:",
        # The same bytes, written with a stray bit after the last one.
        SHA_256.replace("bDg=:", "bDh=:"),
    ],
)
def test_the_digest_of_another_body_is_refused(header: str) -> None:
    with pytest.raises(DigestMismatchError, match="Content-Digest"):
        check_content_digest(header=header, body=HELLO_LINE)


@pytest.mark.parametrize(
    "header",
    [
        "sha-256",
        SHA_256.replace(":", ""),
        SHA_256.removesuffix(":"),
        SHA_256.replace("=:RK", "=:"),
        SHA_256.upper(),
        f"{SHA_256}, {SHA_256}",
        f"{SHA_256},",
        f"{SHA_256};p=1",
        f"{SHA_256}, md5=:Sd/dVLAcvNLSq16eXua5uQ==:",
        "md5=:Sd/dVLAcvNLSq16eXua5uQ==:",
        SHA_256.replace("/", "_"),
        f"{SHA_256}\n",
        "sha-256=:\u06f1\u06f2\u06f3=:",
        "sha-256=:" + "A" * 300 + ":",
    ],
)
def test_what_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(DigestMalformedError, match="Content-Digest"):
        check_content_digest(header=header, body=HELLO_LINE)
