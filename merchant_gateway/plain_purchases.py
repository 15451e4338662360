"""Good purchases read at once, past the schema, which takes ten times as long and says the same.

Nearly all purchases that are sent are good, by themselves and as lines of a batch. Whatever is not
recognised here goes through the schema, which says what is wrong; a test holds the two together.

What every text of a purchase has in common is asked of the whole once: without a backslash in it, a
character that is refused anywhere would stand in the bytes themselves, and a quotation mark only
around a text, two for each. So a key that stands twice, of which a decoder keeps one, shows in the
number of marks, and no decoder has to call back for every object. And where no space stands beside
a mark, no text has one at either end.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from merchant_gateway.schemas.batches import EARN
from merchant_gateway.schemas.fields import TIME, UNPRINTABLE
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
from network.points import MAX_AMOUNT
from network.references import flaw_of
from network.settings import CURRENCY

_TEXTS = {"merchant_ref": LONGEST_REFERENCE, "store": 64, "terminal": 64, "receipt": 64}
_REFERENCES = ("merchant_ref", "terminal", "receipt")
_IDENTIFIERS = {"phone": 20, "card": 25, "code": 64, "token": 4096}
_SALT = re.compile(SALT_PATTERN)
_REQUIRED = {"member", "merchant_ref", "amount", "currency"}
_KNOWN = _REQUIRED | {"occurred_at", "store", "terminal", "receipt", "channel", "lines"}
_TYPE = "type"
_REQUIRED_OF_LINE = _REQUIRED | {_TYPE, "occurred_at"}
_KNOWN_OF_LINE = _KNOWN | {_TYPE}
_ITEM_REQUIRED = {"amount"}
_ITEM_TEXTS = {"sku": 64, "category": 120}
_ITEM_KNOWN = _ITEM_REQUIRED | {"quantity"} | _ITEM_TEXTS.keys()
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:\d{2})\Z")


def read_earning(raw: bytes) -> dict[str, Any] | None:
    """Return a good purchase as ``EarningSchema`` would load it, ``None`` for anything else."""
    return _read(raw, required=_REQUIRED, known=_KNOWN)


def read_earning_line(raw: bytes) -> dict[str, Any] | None:
    """Return a good purchase of a batch as its schema would load it, ``None`` for anything else."""
    data = _read(raw, required=_REQUIRED_OF_LINE, known=_KNOWN_OF_LINE)
    return None if data is None or data[_TYPE] != EARN else data


def _read(raw: bytes, *, required: set[str], known: set[str]) -> dict[str, Any] | None:
    try:
        text = raw.decode()
        data = None if "\\" in text or UNPRINTABLE.search(text) else _decode(text)
    except (ValueError, RecursionError):
        return None
    if data.__class__ is not dict or not required <= data.keys() <= known:
        return None
    trimmed = text.isascii() and '" ' not in text and ' "' not in text
    texts = _texts_of(data, trimmed=trimmed)
    if not texts or text.count('"') != 2 * texts:
        return None
    if not text.isascii() and any(flaw_of(data.get(name, "")) for name in _REFERENCES):
        return None
    if "occurred_at" in data:
        if (moment := _moment(data["occurred_at"])) is None:
            return None
        data["occurred_at"] = moment
    data.setdefault("channel", "in_store")
    return data


def _texts_of(data: dict[str, Any], *, trimmed: bool) -> int:
    """Return how many texts a good purchase consists of, keys included; 0 for a bad one.

    ``trimmed``: no text in it has a space at either end, as far as spaces are ASCII.
    What stands at its type and time must be text, or the marks around texts do not come out even.
    """
    if not (
        data["currency"] == CURRENCY
        and _whole(data["amount"], least=1)
        and (named := _texts_of_member(data["member"], trimmed=trimmed))
        and data.get("channel", "in_store") in CHANNELS
    ):
        return 0
    for name, most in _TEXTS.items():
        if name in data and not _text(data[name], most, trimmed=trimmed):
            return 0
    # A key and a text each; none for the amount, and the member's own.
    texts = 2 * (len(data) - 1) + named
    if "lines" in data:
        lines = _texts_of_lines(data["lines"], trimmed=trimmed)
        return texts - 1 + lines if lines else 0
    return texts


def _texts_of_lines(lines: Any, *, trimmed: bool) -> int:
    """Return how many texts stand in good lines, keys included; 0 where one is bad."""
    if lines.__class__ is not list or not 0 < len(lines) <= MOST_LINES:
        return 0
    texts = 0
    for line in lines:
        if line.__class__ is not dict or not _ITEM_REQUIRED <= line.keys() <= _ITEM_KNOWN:
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
        for name, most in _ITEM_TEXTS.items():
            if name in line:
                text = line[name]  # as _text, without a call for each
                if text.__class__ is not str or not 0 < len(text) <= most:
                    return 0
                if not trimmed and text.strip() != text:
                    return 0
                texts += 1
    return texts


def _texts_of_member(member: Any, *, trimmed: bool) -> int:
    """Return how many texts name a member, keys included; 0 for a bad one. Takes the salt out."""
    if member.__class__ is not dict:
        return 0
    salt = member.pop(SALT, None)
    if len(member) != 1:
        return 0
    ((name, value),) = member.items()
    if name not in _IDENTIFIERS or not _text(value, _IDENTIFIERS[name], trimmed=trimmed):
        return 0
    if salt is None:
        return 2
    if not _text(salt, LONGEST_SALT, trimmed=trimmed) or len(salt) < SHORTEST_SALT:
        return 0
    return 4 if _SALT.fullmatch(salt) else 0


def _text(value: Any, longest: int, *, trimmed: bool) -> bool:
    """Return whether a value is text of 1 to ``longest`` characters, no space at either end."""
    return (
        value.__class__ is str and 0 < len(value) <= longest and (trimmed or value.strip() == value)
    )


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
