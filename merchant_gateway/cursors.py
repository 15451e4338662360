"""Opaque cursors: where a page ended, sealed by nothing but checked for its form.

A cursor holds no secret and gives no right: what is listed is always the caller's own. It is
opaque so that its content may change.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from uuid import UUID

from merchant_gateway.canonical import canonical
from merchant_gateway.errors import FieldError, InvalidRequestError
from network import ids

_MOST = 2**31 - 1


def pack(kind: str, *parts: str | int) -> str:
    """Return a cursor of ``kind`` (which list it belongs to)."""
    return base64.urlsafe_b64encode(canonical([kind, *parts])).rstrip(b"=").decode()


def unpack(kind: str, text: str | None, *, types: tuple[type, ...]) -> list[Any] | None:
    """Return the parts of a cursor, ``None`` for no cursor; raise InvalidRequestError."""
    if text is None:
        return None
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _wrong() from error
    if (
        not isinstance(value, list)
        or len(value) != len(types) + 1
        or value[0] != kind
        or not all(_fits(part, wanted) for part, wanted in zip(value[1:], types, strict=True))
    ):
        raise _wrong()
    return value[1:]


def _fits(part: object, wanted: type) -> bool:
    """Return whether a part is what the database will take: a small number, or printable text."""
    if type(part) is not wanted:
        return False
    if isinstance(part, int):
        return 0 <= part <= _MOST
    return isinstance(part, str) and part.isprintable()


def place(kind: str, text: str | None, *, prefix: str) -> UUID | None:
    """Return the id at which the page of a list of ids ended; raise InvalidRequestError."""
    parts = unpack(kind, text, types=(str,))
    if parts is None:
        return None
    try:
        return ids.decode(prefix, parts[0])
    except ids.UnknownIdError as error:
        raise _wrong() from error


def _wrong() -> InvalidRequestError:
    return InvalidRequestError([FieldError("#cursor", "unknown_cursor")])
