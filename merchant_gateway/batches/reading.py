"""From the bytes of a line to what it asks for, or to what is wrong with it.

Nearly all lines are good purchases, so those are read by ``_plain_earn``, which knows the schema of
a purchase by heart and takes a tenth of its time. Whatever it does not recognise goes through the
schema, which says what is wrong; a test holds the two together.

What every text of a line has in common is asked of the whole line once: without a backslash in it,
a character that is refused anywhere would stand in the line itself, and a quotation mark only
around a text, two for each. So a key that stands twice, of which a decoder keeps one, shows in the
number of marks, and no decoder has to call back for every object.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from merchant_gateway.errors import BodyTooLargeError, FieldError, InvalidRequestError
from merchant_gateway.schemas.batches import EARN, LINES
from merchant_gateway.schemas.fields import TIME, UNPRINTABLE
from merchant_gateway.schemas.load import load_body
from merchant_gateway.schemas.references import LONGEST_REFERENCE
from merchant_gateway.schemas.requests import (
    CHANNELS,
    LONGEST_SALT,
    MOST_LINES,
    MOST_QUANTITY,
    SALT,
    SALT_PATTERN,
    SHORTEST_SALT,
)
from merchant_gateway.strict_json import load_object
from network.points import MAX_AMOUNT
from network.references import flaw_of
from network.settings import CURRENCY

LONGEST_LINE = 64 * 1024
_TEXTS = {"merchant_ref": LONGEST_REFERENCE, "store": 64, "terminal": 64, "receipt": 64}
_REFERENCES = ("merchant_ref", "terminal", "receipt")
_IDENTIFIERS = {"phone": 20, "card": 25, "code": 64, "token": 4096}
_SALT = re.compile(SALT_PATTERN)
_REQUIRED = {"type", "member", "merchant_ref", "amount", "currency", "occurred_at"}
_KNOWN = _REQUIRED | {"store", "terminal", "receipt", "channel", "lines"}
_LINE_REQUIRED = {"amount"}
_LINE_TEXTS = {"sku": 64, "category": 120}
_LINE_KNOWN = _LINE_REQUIRED | {"quantity"} | _LINE_TEXTS.keys()
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:\d{2})\Z")


def read_line(raw: bytes) -> dict[str, Any]:
    """Return what a line asks for, loaded by the schema of its type.

    Raises BodyTooLargeError, MalformedJsonError or InvalidRequestError naming the field.
    """
    if len(raw) > LONGEST_LINE:
        raise BodyTooLargeError(f"a line has at most {LONGEST_LINE} bytes")
    plain = _plain_earn(raw)
    return _by_schema(load_object(raw)) if plain is None else plain


def named_in(raw: bytes) -> tuple[str | None, str | None]:
    """Return type and reference of a line as far as they can be read, to say which one is bad."""
    try:
        data = json.loads(raw) if len(raw) <= LONGEST_LINE else None
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(data, dict):
        return None, None
    kind, ref = data.get("type"), data.get("merchant_ref")
    return (
        kind if isinstance(kind, str) and kind in LINES else None,
        ref if isinstance(ref, str) and 0 < len(ref) <= LONGEST_REFERENCE else None,
    )


def _by_schema(data: dict[str, Any]) -> dict[str, Any]:
    kind = data.get("type")
    if kind is None:
        raise InvalidRequestError([FieldError("/type", "missing")])
    schema = LINES.get(kind) if isinstance(kind, str) else None
    if schema is None:
        raise InvalidRequestError([FieldError("/type", "not_one_of", ", ".join(LINES))])
    return load_body(schema, data)


def _plain_earn(raw: bytes) -> dict[str, Any] | None:
    """Return a good purchase as its schema would load it, ``None`` for anything else."""
    try:
        text = raw.decode()
        data = None if "\\" in text or UNPRINTABLE.search(text) else _decode(text)
    except (ValueError, RecursionError):
        return None
    if data.__class__ is not dict or data.get("type") != EARN:
        return None
    texts = _texts_of(data)
    moment = _moment(data["occurred_at"]) if texts else None
    if moment is None or text.count('"') != 2 * texts:
        return None
    if not text.isascii() and any(flaw_of(data.get(name, "")) for name in _REFERENCES):
        return None
    data["occurred_at"] = moment
    data.setdefault("channel", "in_store")
    return data


def _texts_of(data: dict[str, Any]) -> int:
    """Return how many texts a good purchase consists of, keys included; 0 for a bad one."""
    names = data.keys()
    if not (
        _REQUIRED <= names <= _KNOWN
        and data["currency"] == CURRENCY
        and _whole(data["amount"], least=1)
        and (named := _texts_of_member(data["member"]))
        and data.get("channel", "in_store") in CHANNELS
        and all(_text(data[name], most) for name, most in _TEXTS.items() if name in data)
    ):
        return 0
    # A key and a text each; none for the amount, and the member's own.
    texts = 2 * (len(data) - 1) + named
    if "lines" in data:
        lines = _texts_of_lines(data["lines"])
        return texts - 1 + lines if lines else 0
    return texts


def _texts_of_lines(lines: Any) -> int:
    """Return how many texts stand in good lines, keys included; 0 where one is bad."""
    if lines.__class__ is not list or not 0 < len(lines) <= MOST_LINES:
        return 0
    texts = 0
    for line in lines:
        if line.__class__ is not dict or not _LINE_REQUIRED <= line.keys() <= _LINE_KNOWN:
            return 0
        texts += len(line)
        amount, quantity = line["amount"], line.setdefault("quantity", 1)
        if (
            amount.__class__ is not int
            or quantity.__class__ is not int
            or not 0 <= amount <= MAX_AMOUNT
            or not 1 <= quantity <= MOST_QUANTITY
        ):
            return 0
        for name, most in _LINE_TEXTS.items():
            if name in line:
                if not _text(line[name], most):
                    return 0
                texts += 1
    return texts


def _texts_of_member(member: Any) -> int:
    """Return how many texts name a member, keys included; 0 for a bad one. Takes the salt out."""
    if member.__class__ is not dict:
        return 0
    salt = member.pop(SALT, None)
    if len(member) != 1:
        return 0
    ((name, value),) = member.items()
    if name not in _IDENTIFIERS or not _text(value, _IDENTIFIERS[name]):
        return 0
    if salt is None:
        return 2
    good = _text(salt, LONGEST_SALT) and len(salt) >= SHORTEST_SALT and _SALT.fullmatch(salt)
    return 4 if good else 0


def _text(value: Any, longest: int) -> bool:
    """Return whether a value is text of 1 to ``longest`` characters, no space at either end."""
    return value.__class__ is str and 0 < len(value) <= longest and value.strip() == value


def _whole(value: Any, *, least: int) -> bool:
    return value.__class__ is int and least <= value <= MAX_AMOUNT


def _moment(value: Any) -> datetime | None:
    if value.__class__ is not str or TIME.fullmatch(value) is None or not _ZONE.search(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


_decode = json.JSONDecoder().decode
