"""The rotating member code: 160 bits in 32 characters that a cheap scanner reads.

Layout, from the left: 40-bit handle of the member, 16-bit limit, 16-bit serial, the low 8 bits of
the 60-second step, 80-bit MAC. Written in the upper-case base32 alphabet of RFC 4648, which fits
the alphanumeric mode of a 25 × 25 QR symbol. The MAC is HMAC-SHA256 over everything before it and
the full step, keyed by the member's code secret and truncated from the left (RFC 2104 section 5).

The limit is the member's consent in points: a 12-bit mantissa and a 4-bit decimal exponent, rounded
down. Limit 0 makes a code that identifies for earning and cannot spend. A code counts as consent
in its own step, the one before and the one after; for a day it still resolves to its member with
``expires_at`` in the past, so that a till that tries again gets the answer it missed.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from network.members.errors import InvalidCodeError

STEP_SECONDS = 60
CODE_CHARACTERS = 32
HANDLE_BITS = 40
SERIAL_BITS = 16
SECRET_BYTES = 32
STEPS_REMEMBERED = 24 * 60
MAX_LIMIT = 4095 * 10**15
"""The largest limit that a code can carry."""

_HEAD_BYTES, _MAC_BYTES, _STEP_BYTES = 10, 10, 8
_MANTISSA_VALUES = 1 << 12
_LOW_STEPS = 1 << 8
_MAC_LABEL = b"peyvand-member-code-v1"
_DIGEST_LABEL = b"peyvand-member-code-used-v1"
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedCode:
    """What a code says before its MAC has been checked."""

    handle: int = field(repr=False)
    limit: int
    serial: int = field(repr=False)
    low_step: int
    head: bytes = field(repr=False)
    mac: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCode:
    """A genuine code: the consent that it carries, until when, and the digest that uses it up."""

    limit: int
    step: int
    expires_at: datetime
    digest: bytes


def make_code(secret: bytes, *, handle: int, limit: int, wall: datetime, serial: int) -> str:
    """Return the code of the step that ``wall`` lies in; ``limit`` points, rounded down."""
    step = step_of(wall)
    head = (
        handle.to_bytes(HANDLE_BITS // 8)
        + packed_limit(limit).to_bytes(2)
        + serial.to_bytes(SERIAL_BITS // 8)
        + (step % _LOW_STEPS).to_bytes(1)
    )
    return base64.b32encode(head + _mac(secret, head, step)).decode()


def read_code(text: str) -> ParsedCode:
    """Return the parts of a code; raise InvalidCodeError where it is not even one by its form.

    Lower case, spaces and hyphens are forgiven, for codes that are typed at a till.
    """
    plain = "".join(text.split()).replace("-", "").upper()
    if len(plain) != CODE_CHARACTERS or not _ALPHABET.issuperset(plain):
        raise InvalidCodeError("this is not a member code", field="code")
    raw = base64.b32decode(plain)
    head, mac = raw[:_HEAD_BYTES], raw[_HEAD_BYTES:]
    packed = int.from_bytes(head[5:7])
    return ParsedCode(
        handle=int.from_bytes(head[:5]),
        limit=(packed >> 4) * 10 ** (packed & 0xF),
        serial=int.from_bytes(head[7:9]),
        low_step=head[9],
        head=head,
        mac=mac,
    )


def verify(parsed: ParsedCode, *, secret: bytes, wall: datetime) -> VerifiedCode:
    """Return the consent of a genuine code, which may be over; raise InvalidCodeError.

    The step is the one of the last 24 hours (or the next one) that the code's low bits name and
    its MAC fits.
    """
    newest = step_of(wall) + 1
    step = newest - (newest - parsed.low_step) % _LOW_STEPS
    found: int | None = None
    while step >= newest - 1 - STEPS_REMEMBERED:
        if hmac.compare_digest(_mac(secret, parsed.head, step), parsed.mac):
            found = step
        step -= _LOW_STEPS
    if found is None:
        raise InvalidCodeError("this member code is not genuine, or too old", field="code")
    return VerifiedCode(
        limit=parsed.limit,
        step=found,
        expires_at=datetime.fromtimestamp((found + 2) * STEP_SECONDS, UTC),
        digest=sha256(_DIGEST_LABEL + parsed.head + parsed.mac + _step_bytes(found)).digest(),
    )


def step_of(wall: datetime) -> int:
    """Return the number of the 60-second step that a moment lies in, counted from 1970."""
    return int(wall.timestamp()) // STEP_SECONDS


def step_ends(wall: datetime) -> datetime:
    """Return when the step of ``wall`` ends and a fresh code should be shown."""
    return datetime.fromtimestamp((step_of(wall) + 1) * STEP_SECONDS, UTC)


def coded_limit(limit: int) -> int:
    """Return the limit that a code carries for ``limit``: at most four digits count, the rest is 0.

    Never above ``limit``; limits beyond MAX_LIMIT become MAX_LIMIT.
    """
    packed = packed_limit(limit)
    return int((packed >> 4) * 10 ** (packed & 0xF))


def new_serial() -> int:
    """Return a random serial, so that two codes of one step differ."""
    return secrets.randbits(SERIAL_BITS)


def packed_limit(limit: int) -> int:
    """Return the 16 bits that stand for a limit in a code: a mantissa of 12, an exponent of 4."""
    mantissa, exponent = min(max(limit, 0), MAX_LIMIT), 0
    while mantissa >= _MANTISSA_VALUES:
        mantissa, exponent = mantissa // 10, exponent + 1
    return mantissa << 4 | exponent


def _mac(secret: bytes, head: bytes, step: int) -> bytes:
    return hmac.digest(secret, _MAC_LABEL + head + _step_bytes(step), "sha256")[:_MAC_BYTES]


def _step_bytes(step: int) -> bytes:
    return step.to_bytes(_STEP_BYTES)
