"""Content-Digest (RFC 9530): computed with sha-256, accepted with sha-256 and sha-512."""

import hashlib
import re

from merchant_gateway.signing.base import format_bytes
from merchant_gateway.signing.errors import (
    DigestMalformedError,
    DigestMismatchError,
    DigestMissingError,
)
from merchant_gateway.signing.words import gettext as _

_HEADER_MAX_CHARACTERS = 256
_HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_BASE64_CHARACTERS = {"sha-256": 44, "sha-512": 88}
_MEMBER = re.compile(r"([a-z*][a-z0-9_.*-]{0,31})=(:[A-Za-z0-9+/]{1,128}={0,2}:)")


def content_digest(body: bytes) -> str:
    """Return the Content-Digest header of a body, made with sha-256."""
    return f"sha-256={format_bytes(hashlib.sha256(body).digest())}"


def check_content_digest(*, header: str | None, body: bytes) -> None:
    """Check that a Content-Digest header is that of the body.

    Each algorithm that is named must fit; an unknown or repeated one is refused, though RFC 9530
    would ignore the unknown one: what nobody checks should not look as if it were checked.
    Raises DigestMissingError, DigestMalformedError or DigestMismatchError.
    """
    if not header:
        raise DigestMissingError(
            _("The message has a body, so it needs the Content-Digest header.")
        )
    if header == content_digest(body):
        return
    for algorithm, stated in _parse(header).items():
        if stated != format_bytes(_HASHES[algorithm](body).digest()):
            raise DigestMismatchError(
                _(
                    "Content-Digest: the %(algorithm)s digest is not that of the body received. "
                    "Compute it over the exact bytes that are sent."
                ),
                algorithm=algorithm,
            )


def _parse(header: str) -> dict[str, str]:
    if len(header) > _HEADER_MAX_CHARACTERS or not header.isascii():
        raise DigestMalformedError(
            _("Content-Digest must be ASCII of at most %(most)s characters."),
            most=_HEADER_MAX_CHARACTERS,
        )
    stated: dict[str, str] = {}
    for member in header.split(","):
        match = _MEMBER.fullmatch(member.strip(" \t"))
        if match is None:
            raise DigestMalformedError(
                _(
                    "Content-Digest cannot be read. It looks like sha-256=:BASE64:, "
                    "with colons around the base64."
                )
            )
        algorithm, value = match.groups()
        if algorithm not in _HASHES:
            raise DigestMalformedError(
                _(
                    "Content-Digest names an algorithm that is not accepted. "
                    "Use sha-256; sha-512 is accepted too."
                )
            )
        if algorithm in stated:
            raise DigestMalformedError(
                _("Content-Digest names %(algorithm)s twice."), algorithm=algorithm
            )
        if len(value) != _BASE64_CHARACTERS[algorithm] + len("::"):
            raise DigestMalformedError(
                _("Content-Digest: the %(algorithm)s value has the wrong length."),
                algorithm=algorithm,
            )
        stated[algorithm] = value
    return stated
