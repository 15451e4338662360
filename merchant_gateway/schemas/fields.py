"""Strict marshmallow fields: no coercion, and an error code in place of a sentence.

A code may carry an argument after a colon (``too_long:64``); ``problems`` turns it into words in
the reader's language. Each field tells its JSON Schema in ``describe``, for the OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cached_property
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, missing
from marshmallow.decorators import VALIDATES_SCHEMA

from network.points import MAX_AMOUNT
from network.settings import CURRENCY

# Control characters, lone surrogates, line and paragraph separators, marks that change direction
# and signs that nobody sees (they make a reference look like another one). ZWNJ belongs to Persian,
# and ZWJ to it and to pictures.
_REFUSED = (
    r"\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069"
    r"\ufeff\ufffe\uffff"
)
UNPRINTABLE = re.compile(rf"[{_REFUSED}\ud800-\udfff]")
TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII
)
PRINTABLE = rf"^[^\s{_REFUSED}](?:[^{_REFUSED}]*[^\s{_REFUSED}])?$"
"""The same for JSON Schema (ECMA-262), which has no lone surrogates: no space at either end."""

_ZONED = re.compile(r"(?:Z|[+-]\d{2}:\d{2})\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,18}")

COMMON = {
    "required": "missing",
    "null": "null",
    "not_text": "not_text",
    "not_integer": "not_integer",
}


class StrictSchema(Schema):
    """A schema that refuses unknown fields."""

    error_messages = {"unknown": "unknown_field", "type": "not_object"}  # noqa: RUF012 - marshmallow's own declaration

    class Meta:
        """Options of marshmallow."""

        unknown = RAISE

    def load_plain(self, data: Any) -> dict[str, Any] | None:
        """Return what ``load`` would return, ``None`` where it would refuse or may do more.

        Nearly everything that is sent is good. For that, marshmallow's looking up of hooks,
        options and errors is most of the work of loading; the fields and the rules that do the
        reading here are its own, found once.
        """
        if data.__class__ is not dict:
            return None
        loaded: dict[str, Any] = {}
        known = 0
        try:
            for name, deserialize, required, default in self._plain_fields:
                value = data.get(name, missing)
                if value is missing:
                    if required:
                        return None
                    if default is not missing:
                        loaded[name] = default
                elif value is None:
                    return None
                else:
                    known += 1
                    loaded[name] = deserialize(value, name, data)
            if known != len(data):
                return None
            for rule in self._plain_rules:
                rule(loaded)
        except ValidationError:
            return None
        return loaded

    @cached_property
    def _plain_fields(self) -> list[tuple[str, Callable[..., Any], bool, Any]]:
        """Return name, reader, whether it must be there, and default of each field.

        Raises TypeError for a field with options that ``load_plain`` does not know.
        """
        for name, each in self.fields.items():
            if each.data_key or each.attribute or each.validators or callable(each.load_default):
                raise TypeError(f"load_plain cannot read the field {name}")
        return [
            (name, each._deserialize, each.required, each.load_default)  # noqa: SLF001 - as marshmallow calls it
            for name, each in self.fields.items()
        ]

    @cached_property
    def _plain_rules(self) -> list[Callable[[dict[str, Any]], None]]:
        """Return the rules for the whole object."""
        if any(hooks for kind, hooks in self._hooks.items() if kind != VALIDATES_SCHEMA):
            raise TypeError("load_plain knows no hooks but rules for the whole object")
        return [getattr(self, name) for name, _, _ in self._hooks[VALIDATES_SCHEMA]]


class Text(fields.Field[str]):
    """Printable text of ``shortest`` to ``longest`` characters without spaces around it.

    ``told`` is a pattern for the JSON Schema where something else than ``pattern`` decides.
    """

    default_error_messages = {  # noqa: RUF012 - marshmallow's own declaration
        **COMMON,
        "blank": "blank",
        "short": "too_short:{limit}",
        "long": "too_long:{limit}",
        "control": "control_character",
        "spaces": "surrounding_spaces",
        "form": "wrong_form",
    }

    def __init__(
        self,
        *,
        longest: int,
        shortest: int = 1,
        pattern: str | None = None,
        required: bool = False,
        description: str = "",
        example: str | None = None,
        told: str | None = None,
    ) -> None:
        super().__init__(required=required, metadata={"description": description})
        self.longest = longest
        self.shortest = shortest
        self.pattern = re.compile(pattern) if pattern else None
        self.example = example
        self.told = told

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        _ = attr, data, kwargs
        if not isinstance(value, str):
            raise self.make_error("not_text")
        if not value:
            raise self.make_error("blank")
        if len(value) > self.longest:
            raise self.make_error("long", limit=self.longest)
        if UNPRINTABLE.search(value):
            raise self.make_error("control")
        if value[0].isspace() or value[-1].isspace():
            raise self.make_error("spaces")
        if len(value) < self.shortest:
            raise self.make_error("short", limit=self.shortest)
        if self.pattern is not None and self.pattern.fullmatch(value) is None:
            raise self.make_error("form")
        return value

    def describe(self) -> dict[str, Any]:
        """Return the JSON Schema of the field."""
        schema: dict[str, Any] = {
            "type": "string",
            "minLength": self.shortest,
            "maxLength": self.longest,
        }
        own = None if self.pattern is None else f"^{self.pattern.pattern}$"
        schema["pattern"] = self.told or own or PRINTABLE
        if self.example:
            schema["examples"] = [self.example]
        return schema


class Whole(fields.Field[int]):
    """A JSON integer from ``least`` to ``most``; never a boolean, a fraction or text."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own declaration
        **COMMON,
        "least": "too_small:{limit}",
        "positive": "not_positive",
        "most": "too_large:{limit}",
    }

    def __init__(
        self,
        *,
        least: int = 1,
        most: int = MAX_AMOUNT,
        required: bool = False,
        description: str = "",
        load_default: int | None = None,
        in_query: bool = False,
    ) -> None:
        given: dict[str, Any] = {} if load_default is None else {"load_default": load_default}
        super().__init__(required=required, metadata={"description": description}, **given)
        self.least = least
        self.most = most
        self.in_query = in_query

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        _ = attr, data, kwargs
        if self.in_query and isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("not_integer")
        if value < self.least:
            if self.least == 1:
                raise self.make_error("positive")
            raise self.make_error("least", limit=self.least)
        if value > self.most:
            raise self.make_error("most", limit=self.most)
        return value

    def describe(self) -> dict[str, Any]:
        """Return the JSON Schema of the field."""
        schema: dict[str, Any] = {"type": "integer", "minimum": self.least, "maximum": self.most}
        if self.load_default is not None and isinstance(self.load_default, int):
            schema["default"] = self.load_default
        return schema


class OneOf(fields.Field[str]):
    """One of a few words."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own declaration
        **COMMON,
        "choice": "not_one_of:{choices}",
    }

    def __init__(
        self,
        *,
        choices: tuple[str, ...],
        required: bool = False,
        description: str = "",
        load_default: str | None = None,
    ) -> None:
        given: dict[str, Any] = {} if load_default is None else {"load_default": load_default}
        super().__init__(required=required, metadata={"description": description}, **given)
        self.choices = choices

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        _ = attr, data, kwargs
        if not isinstance(value, str):
            raise self.make_error("not_text")
        if value not in self.choices:
            raise self.make_error("choice", choices=", ".join(self.choices))
        return value

    def describe(self) -> dict[str, Any]:
        """Return the JSON Schema of the field."""
        schema: dict[str, Any] = {"type": "string", "enum": list(self.choices)}
        if isinstance(self.load_default, str):
            schema["default"] = self.load_default
        return schema


class Several(fields.Field[list[str]]):
    """A list of different words, each of one kind."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own declaration
        **COMMON,
        "list": "not_list",
        "empty": "empty_list",
        "many": "too_many:{limit}",
        "twice": "same_word_twice",
    }

    def __init__(self, of: OneOf, *, required: bool = False, description: str = "") -> None:
        super().__init__(required=required, metadata={"description": description})
        self.of = of

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str]:
        _ = attr, data, kwargs
        if not isinstance(value, list):
            raise self.make_error("list")
        if not value:
            raise self.make_error("empty")
        if len(value) > len(self.of.choices):
            raise self.make_error("many", limit=len(self.of.choices))
        words = [str(self.of.deserialize(each)) for each in value]
        if len(set(words)) != len(words):
            raise self.make_error("twice")
        return words

    def describe(self) -> dict[str, Any]:
        """Return the JSON Schema of the field."""
        return {
            "type": "array",
            "minItems": 1,
            "maxItems": len(self.of.choices),
            "uniqueItems": True,
            "items": self.of.describe(),
        }


class Currency(fields.Field[str]):
    """The programme's currency; any other is refused by name."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own declaration
        **COMMON,
        "foreign": "foreign_currency:{currency}",
    }

    def __init__(self, *, required: bool = False) -> None:
        text = "ISO 4217; amounts are whole rials."
        super().__init__(required=required, metadata={"description": text})

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        _ = attr, data, kwargs
        if not isinstance(value, str):
            raise self.make_error("not_text")
        if value != CURRENCY:
            raise self.make_error("foreign", currency=CURRENCY)
        return value

    def describe(self) -> dict[str, Any]:
        """Return the JSON Schema of the field."""
        return {"type": "string", "const": CURRENCY}


class Moment(fields.Field[datetime]):
    """An RFC 3339 time with its offset from UTC."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own declaration
        **COMMON,
        "form": "not_time",
        "naive": "time_without_zone",
    }

    def __init__(self, *, required: bool = False, description: str = "") -> None:
        super().__init__(required=required, metadata={"description": description})

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        _ = attr, data, kwargs
        if not isinstance(value, str):
            raise self.make_error("not_text")
        if TIME.fullmatch(value) is None:
            raise self.make_error("form")
        if _ZONED.search(value) is None:
            raise self.make_error("naive")
        try:
            return datetime.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("form") from error

    def describe(self) -> dict[str, Any]:
        """Return the JSON Schema of the field."""
        return {
            "type": "string",
            "format": "date-time",
            "examples": ["2026-03-21T10:15:00+03:30"],
        }


class Day(fields.Field[date]):
    """A calendar date, ``YYYY-MM-DD``."""

    default_error_messages = {**COMMON, "form": "not_date"}  # noqa: RUF012 - marshmallow's own declaration

    def __init__(self, *, required: bool = False, description: str = "") -> None:
        super().__init__(required=required, metadata={"description": description})

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> date:
        _ = attr, data, kwargs
        if not isinstance(value, str):
            raise self.make_error("not_text")
        try:
            if _DATE.fullmatch(value) is not None:
                return date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("form") from error
        raise self.make_error("form")

    def describe(self) -> dict[str, Any]:
        """Return the JSON Schema of the field."""
        return {"type": "string", "format": "date", "examples": ["2026-03-21"]}
