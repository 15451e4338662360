"""Canonical JSON (RFC 8785): the one way in which the gateway writes an answer.

Keys sorted by UTF-16 code units, no spaces, UTF-8 without escapes that JSON does not ask for: so
equal values are equal bytes, and an answer made again from a stored result has the same digest.
There are no fractions, and whole numbers beyond 2^53 are written in full, where the RFC, which
knows doubles alone, would have them rounded.
"""

from __future__ import annotations

import json
from typing import Any

_FOUR_BYTES = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
"""The first bytes of characters that are two code units of UTF-16."""

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
_encode_as_sorted = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


def canonical(value: Any) -> bytes:
    """Return ``value`` (objects, lists, text, integers, booleans, null) as canonical JSON."""
    written = _encode(value).encode()
    if any(each in written for each in _FOUR_BYTES):
        return _encode_as_sorted(_sorted(value)).encode()
    return written


def _sorted(value: Any) -> Any:
    """Return a value with its keys in the order of UTF-16, which code points do not have."""
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
        return {key: _sorted(inner) for key, inner in ordered}
    if isinstance(value, list | tuple):
        return [_sorted(inner) for inner in value]
    return value
