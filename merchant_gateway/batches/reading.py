"""From the bytes of a line to what it asks for, or to what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

from merchant_gateway.errors import BodyTooLargeError, FieldError, InvalidRequestError
from merchant_gateway.plain_purchases import read_earning_line
from merchant_gateway.schemas.batches import LINES
from merchant_gateway.schemas.load import load_body
from merchant_gateway.schemas.references import LONGEST_REFERENCE
from merchant_gateway.strict_json import load_object

LONGEST_LINE = 64 * 1024


def read_line(raw: bytes) -> dict[str, Any]:
    """Return what a line asks for, loaded by the schema of its type.

    Raises BodyTooLargeError, MalformedJsonError or InvalidRequestError naming the field.
    """
    if len(raw) > LONGEST_LINE:
        raise BodyTooLargeError(f"a line has at most {LONGEST_LINE} bytes")
    plain = read_earning_line(raw)
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
