"""Canonical JSON: the one way in which the gateway writes an answer.

Keys sorted by code point, no spaces, UTF-8 without escapes that JSON does not ask for, no floats:
so equal values are equal bytes, and an answer made again from a stored result has the same digest.
"""

from __future__ import annotations

import json
from typing import Any

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


def canonical(value: Any) -> bytes:
    """Return ``value`` (objects, lists, text, integers, booleans, null) as canonical JSON."""
    return _encode(value).encode()
