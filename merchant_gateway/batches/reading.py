"""From the bytes of a line to what it asks for, or to what is wrong with it.

Nearly all lines are good purchases, so those are read by ``_plain_earn``, which knows the schema of
a purchase by heart and takes a tenth of its time. Whatever it does not recognise goes through the
schema, which says what is wrong; a test holds the two together.
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
from merchant_gateway.schemas.requests import CHANNELS, LONGEST_REFERENCE, MOST_LINES, MOST_QUANTITY
from merchant_gateway.strict_json import load_object
from network.points import MAX_AMOUNT
from network.settings import CURRENCY

LONGEST_LINE = 64 * 1024
_TEXTS = {"merchant_ref": LONGEST_REFERENCE, "store": 64, "terminal": 64, "receipt": 64}
_IDENTIFIERS = {"phone": 20, "card": 25, "code": 64, "token": 4096}
_REQUIRED = {"type", "member", "merchant_ref", "amount", "currency", "occurred_at"}
_KNOWN = _REQUIRED | {"store", "terminal", "receipt", "channel", "lines"}
_LINE_REQUIRED = {"amount"}
_LINE_KNOWN = {"sku", "category", "quantity", "amount"}
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:\d{2})\Z")


def read_line(raw: bytes) -> dict[str, Any]:
    """Return what a line asks for, loaded by the schema of its type.

    Raises BodyTooLargeError, MalformedJsonError or InvalidRequestError naming the field.
    """
    if len(raw) > LONGEST_LINE:
        raise BodyTooLargeError(f"a line has at most {LONGEST_LINE} bytes")
    try:
        data = _decode(raw.decode())
    except (ValueError, RecursionError):
        data = None
    if data.__class__ is dict:
        plain = _plain_earn(data)
        if plain is not None:
            return plain
    return _by_schema(load_object(raw))


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


def _plain_earn(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return a good purchase as its schema would load it, ``None`` for anything else."""
    names = data.keys()
    if not (_REQUIRED <= names <= _KNOWN and data["type"] == EARN):
        return None
    moment = _moment(data["occurred_at"])
    if (
        moment is None
        or data["currency"] != CURRENCY
        or not _whole(data["amount"], least=1)
        or not _one_identifier(data["member"])
        or data.setdefault("channel", "in_store") not in CHANNELS
        or not all(name not in data or _text(data[name], most) for name, most in _TEXTS.items())
        or not ("lines" not in data or _good_lines(data["lines"]))
    ):
        return None
    data["occurred_at"] = moment
    return data


def _good_lines(lines: Any) -> bool:
    if lines.__class__ is not list or not 0 < len(lines) <= MOST_LINES:
        return False
    for line in lines:
        if line.__class__ is not dict or not _LINE_REQUIRED <= line.keys() <= _LINE_KNOWN:
            return False
        quantity = line.setdefault("quantity", 1)
        if not (
            _whole(line["amount"], least=0)
            and _whole(quantity, least=1)
            and quantity <= MOST_QUANTITY
            and ("sku" not in line or _text(line["sku"], 64))
            and ("category" not in line or _text(line["category"], 120))
        ):
            return False
    return True


def _one_identifier(member: Any) -> bool:
    if member.__class__ is not dict or len(member) != 1:
        return False
    ((name, value),) = member.items()
    return name in _IDENTIFIERS and _text(value, _IDENTIFIERS[name])


def _text(value: Any, longest: int) -> bool:
    return (
        value.__class__ is str
        and 0 < len(value) <= longest
        and UNPRINTABLE.search(value) is None
        and not value[0].isspace()
        and not value[-1].isspace()
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


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _refuse(text: str) -> Any:
    raise ValueError(text)


_decode = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=_refuse, parse_float=_refuse
).decode
