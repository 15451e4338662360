"""Loading a body or a query through its schema, with errors that point at the field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from marshmallow import Schema, ValidationError

from merchant_gateway.errors import FieldError, InvalidRequestError
from merchant_gateway.schemas.fields import StrictSchema

FUTURE_TOLERANCE = timedelta(minutes=5)
OLDEST = timedelta(days=30)
_SCHEMA_KEY = "_schema"


def load_body(schema: Schema, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the loaded body; raise InvalidRequestError with JSON pointers."""
    if isinstance(schema, StrictSchema) and (plain := schema.load_plain(data)) is not None:
        return plain
    try:
        loaded: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        raise InvalidRequestError(flatten(error.messages, "")) from error
    return loaded


def load_query(schema: Schema, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the loaded query; raise InvalidRequestError naming ``#parameter``."""
    if not pairs and not schema.fields:
        return {}  # most calls: nothing is taken and nothing was given
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequestError([FieldError(f"#{twice}", "duplicate_key")])
    try:
        loaded: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        raise InvalidRequestError(flatten(error.messages, "", step="#")) from error
    return loaded


def flatten(messages: Any, pointer: str, *, step: str = "/") -> list[FieldError]:
    """Return marshmallow's nested messages as a flat list, in the order of the fields."""
    if isinstance(messages, dict):
        found: list[FieldError] = []
        for key, below in messages.items():
            name = str(key).replace("~", "~0").replace("/", "~1")
            place = pointer if key == _SCHEMA_KEY else f"{pointer}{step}{name}"
            found.extend(flatten(below, place))
        return found
    texts = messages if isinstance(messages, list) else [messages]
    errors = []
    for text in texts:
        code, _, argument = str(text).partition(":")
        errors.append(FieldError(pointer, code, argument))
    return errors


def set_time(data: dict[str, Any], *, now: datetime) -> None:
    """Give a body without ``occurred_at`` the programme's time, and check the time of others.

    So a body that says no time is the same at each attempt, and in a sandbox it lies in the
    sandbox's time.
    """
    check_time(data.setdefault("occurred_at", now), now=now)


def check_time(occurred_at: datetime, *, now: datetime, pointer: str = "/occurred_at") -> None:
    """Refuse a time that lies ahead of ``now`` or too far behind it (programme time)."""
    if occurred_at > now + FUTURE_TOLERANCE:
        raise InvalidRequestError([FieldError(pointer, "in_the_future", _plain(now))])
    if occurred_at < now - OLDEST:
        raise InvalidRequestError([FieldError(pointer, "too_long_ago", _plain(now))])


def _plain(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
