"""Operators' passwords: argon2id (RFC 9106), long rather than odd, made here where asked."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from network.errors import PeyvandError

SHORTEST = 12
LONGEST = 256
_GENERATED_BYTES = 15

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


class WeakPasswordError(PeyvandError):
    """A password is too short to protect the console, or too long to be one."""

    code = "weak_password"


def generate() -> str:
    """Return a password of 120 random bits."""
    return secrets.token_urlsafe(_GENERATED_BYTES)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password; raise WeakPasswordError outside 12 to 256 letters."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPasswordError(
            f"a password has {SHORTEST} to {LONGEST} characters", field="password"
        )
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Return whether a password is the one; without a hash the same work is done for nothing."""
    try:
        _hasher.verify(password_hash or _stand_in(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _stand_in() -> str:
    return _hasher.hash(secrets.token_urlsafe(_GENERATED_BYTES))
