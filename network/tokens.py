"""Tokens that people carry: 256 random bits, of which the database holds the digest alone."""

from __future__ import annotations

from hashlib import sha256


def token_digest(token: str) -> bytes:
    """Return what the database holds of a session's or a link's token: its SHA-256."""
    return sha256(token.encode()).digest()
