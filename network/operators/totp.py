"""Time-based one-time passwords (RFC 6238): six digits, SHA-1, steps of 30 seconds.

These are the parameters that every authenticator app understands.
"""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

STEP_SECONDS = 30
DIGITS = 6
_STEPS_EITHER_WAY = 1


def new_secret() -> str:
    """Return a new secret in base32: 160 bits, as RFC 4226 section 4 recommends."""
    return pyotp.random_base32(length=32)


def provisioning_uri(*, secret: str, email: str, issuer: str) -> str:
    """Return the ``otpauth:`` address that an authenticator app takes from a QR code."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS).provisioning_uri(
        name=email, issuer_name=issuer
    )


def step_at(moment: datetime) -> int:
    """Return the number of the step that ``moment`` lies in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(*, secret: str, step: int) -> str:
    """Return the code of a step."""
    return pyotp.HOTP(secret, digits=DIGITS).at(step)


def matching_step(*, secret: str, code: str, wall: datetime, after: int) -> int | None:
    """Return the step whose code was typed: now's or a neighbour's, and later than ``after``.

    Every candidate is computed and compared, so the time taken tells nothing.
    """
    now = step_at(wall)
    found: int | None = None
    for step in range(now - _STEPS_EITHER_WAY, now + _STEPS_EITHER_WAY + 1):
        same = hmac.compare_digest(code_at(secret=secret, step=step).encode(), code.encode())
        if same and step > after:
            found = step
    return found
