"""The canonical form of RFC 8785 (JCS), in the client's own code: what the network hashed."""

from __future__ import annotations

import json
from typing import Any


def canonical(value: Any) -> bytes:
    """Return the one form of an object of strings, whole numbers, booleans and nulls.

    Names are in the order of their UTF-16 code units (3.2.3). Raises ValueError for a fraction:
    no amount has one.
    """
    return _text(value).encode()


def _text(value: Any) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be"))
        return "{" + ",".join(f"{_string(name)}:{_text(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_text(each) for each in value) + "]"
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    raise ValueError(f"{type(value).__name__} has no place in a statement")


def _string(text: str) -> str:
    # json escapes as ECMAScript does (3.2.2.2), as long as it leaves what is not ASCII alone.
    return json.dumps(text, ensure_ascii=False)
