"""Reading JSON bodies strictly (RFC 8259, with the interoperable subset of RFC 7493).

Refused: what is not UTF-8 or begins with a byte order mark, duplicate keys, NaN and Infinity,
nesting deeper than any call needs, a value that is not an object. A number with a fraction or an
exponent becomes ``NotInteger``, so that the field which holds it is named by the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from merchant_gateway.errors import FieldError, InvalidRequestError, MalformedJsonError
from network.language import gettext as _
from network.language import lazy_gettext as _l

MAX_DEPTH = 8
_WORDS = (
    ("Expecting value", _l("a value is expected here")),
    ("Expecting property name", _l("a name in double quotes is expected here")),
    ("Expecting ':'", _l("a colon is expected here")),
    ("Expecting ','", _l("a comma is expected here, or the end")),
    ("Illegal trailing comma", _l("a comma stands before the end")),
    ("Extra data", _l("something follows the object")),
    ("Unterminated string", _l("a string that begins here does not end")),
    ("Invalid control character", _l("a control character stands in a string")),
    ("Invalid \\", _l("a backslash is followed by what it may not")),
)
"""How Python's decoder begins to say what is wrong, and how we say it."""


class NotInteger:
    """Stands where the body had a number with a fraction or an exponent."""

    __slots__ = ()


class _Duplicate(dict[str, Any]):
    """An object in which ``key`` stood twice."""

    key: str = ""


_CONTAINERS = (dict, list)


def load_object(body: bytes) -> dict[str, Any]:
    """Return the object that ``body`` holds.

    Raises MalformedJsonError, or InvalidRequestError naming a duplicate key or the nesting.
    """
    try:
        text = body.decode()
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise InvalidRequestError([FieldError("", "nested_too_deeply", str(MAX_DEPTH))]) from error
    except ValueError as error:
        raise MalformedJsonError(_describe(error)) from error
    if not isinstance(value, dict):
        raise MalformedJsonError(_("The body must be one JSON object."))
    if not _is_sound(value, 1):
        _name_what_is_wrong(value)
    return value


def _describe(error: ValueError) -> str:
    """Return what is wrong, in the reader's language."""
    if isinstance(error, json.JSONDecodeError):
        words = next((found for begin, found in _WORDS if error.msg.startswith(begin)), None)
        if words is None:
            return _("The body is not JSON at character %(place)s.", place=error.pos + 1)
        return _(
            "The body is not JSON at character %(place)s: %(what)s.",
            place=error.pos + 1,
            what=str(words),
        )
    if isinstance(error, UnicodeDecodeError):
        return _("The body is not UTF-8 at byte %(place)s.", place=error.start + 1)
    return _("The body holds a value that JSON does not have.")


def _is_sound(value: Any, depth: int) -> bool:
    """Return whether there is neither a duplicate key nor deep nesting anywhere in a value."""
    if depth > MAX_DEPTH or value.__class__ is _Duplicate:
        return False
    children: Iterable[Any] = value.values() if isinstance(value, dict) else value
    for child in children:
        if isinstance(child, _CONTAINERS) and not _is_sound(child, depth + 1):
            return False
    return True


def _name_what_is_wrong(root: dict[str, Any]) -> None:
    """Refuse duplicate keys and deep nesting anywhere, naming the place."""
    waiting: list[tuple[str, Any, int]] = [("", root, 1)]
    while waiting:
        pointer, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise InvalidRequestError([FieldError(pointer, "nested_too_deeply", str(MAX_DEPTH))])
        if isinstance(value, _Duplicate):
            raise InvalidRequestError([FieldError(_join(pointer, value.key), "duplicate_key")])
        children = value.items() if isinstance(value, dict) else enumerate(value)
        waiting.extend(
            (_join(pointer, key), child, depth + 1)
            for key, child in children
            if isinstance(child, dict | list)
        )


def _join(pointer: str, key: object) -> str:
    """Return the pointer one step further down, escaped as RFC 6901 asks."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    seen: set[str] = set()
    duplicate = _Duplicate(value)
    for key, _value in pairs:
        if key in seen:
            duplicate.key = key
            break
        seen.add(key)
    return duplicate


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _not_integer(_text: str) -> NotInteger:
    return NotInteger()


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_not_integer
)
