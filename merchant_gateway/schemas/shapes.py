"""What answers are made of, as JSON Schema (2020-12)."""

from __future__ import annotations

from typing import Any

from network.settings import CURRENCY

Schema = dict[str, Any]


def whole(optional: Schema | None = None, /, **required: Any) -> Schema:
    """Return the schema of an object with these fields alone, of which some may be left out."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def text(description: str = "") -> Schema:
    """Return the schema of a text."""
    return {"type": "string", **({"description": description} if description else {})}


def or_null(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(of: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": of}


def states(*names: str) -> Schema:
    """Return the schema of one of a few words."""
    return {"type": "string", "enum": list(names)}


def page(of: Schema) -> Schema:
    """Return the schema of a page of a list."""
    return whole(
        items=list_of(of), next_cursor=or_null(text("Send it as `cursor` for the next page."))
    )


TEXT = text()
BOOLEAN: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
POINTS: Schema = {"type": "integer", "minimum": 0}
DAY: Schema = {"type": "string", "format": "date"}
TIME: Schema = {"type": "string", "format": "date-time"}
MONEY = whole(amount=WHOLE, currency={"const": CURRENCY})
BALANCE = whole(available=POINTS, pending=POINTS, held=POINTS, debt=POINTS)
