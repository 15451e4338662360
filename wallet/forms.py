"""What people type, checked: each error names its field in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from network.language import (
    LOCALES,
    MONEY_UNITS,
    ascii_digits,
    gettext,
    normalise,
    parse_whole_number,
)

_CODE_DIGITS = 6
_LONGEST_PHONE = 32
_LONGEST_NAME = 80
MOST_LIMIT_POINTS = 10_000_000
HOURS = tuple(str(hour) for hour in range(24))

Parsed = TypeVar("Parsed")


class Typed(fields.Field[Parsed], Generic[Parsed]):
    """A field of a form: always a text, empty where nothing was typed, read by a function."""

    def __init__(self, read: Callable[[str], Parsed]) -> None:
        super().__init__()
        self._read = read

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002 - marshmallow's signature
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **_kwargs: Any,
    ) -> Parsed:
        return self._read(str(value))


def read_phone(typed: str) -> str:
    """Return a number with ASCII digits; whether it is one the network decides."""
    text = ascii_digits(typed).strip()
    if not text:
        raise ValidationError(gettext("Enter your mobile number."))
    if len(text) > _LONGEST_PHONE:
        raise ValidationError(gettext("This is not a mobile number. Example: 0912 123 4567"))
    return text


def read_code(typed: str) -> str:
    """Return a one-time code: six digits in any script, with or without spaces."""
    text = "".join(ascii_digits(typed).split())
    if not text:
        raise ValidationError(gettext("Enter the code from the message."))
    if len(text) != _CODE_DIGITS or not text.isascii() or not text.isdigit():
        raise ValidationError(gettext("The code has six digits."))
    return text


def read_name(typed: str) -> str:
    """Return a person's name; empty is fine."""
    text = normalise(typed)
    if len(text) > _LONGEST_NAME:
        raise ValidationError(gettext("This name is too long."))
    return text


def read_points(typed: str) -> int:
    """Return a count of points from 0 to ten million."""
    number = parse_whole_number(typed)
    if number is None:
        raise ValidationError(gettext("Enter a whole number of points."))
    if number > MOST_LIMIT_POINTS:
        raise ValidationError(gettext("This is more than a code can carry."))
    return number


def read_gift(typed: str) -> int:
    """Return a count of points from 1 to ten million."""
    number = parse_whole_number(typed)
    if not number:
        raise ValidationError(gettext("Enter a whole number of points."))
    if number > MOST_LIMIT_POINTS:
        raise ValidationError(gettext("This is too much at once."))
    return number


def read_some(typed: str) -> int:
    """Return a count of points from 0 to ten million."""
    number = parse_whole_number(typed)
    if number is None:
        raise ValidationError(gettext("Enter a whole number of points."))
    if number > MOST_LIMIT_POINTS:
        raise ValidationError(gettext("This is too much at once."))
    return number


def read_limit(typed: str) -> int | None:
    """Return a count of points from 0 to ten million, None where nothing was typed."""
    return read_some(typed) if typed.strip() else None


def read_pin(typed: str) -> str:
    """Return what was typed as a PIN; whether it is one the network decides."""
    if not typed.strip():
        raise ValidationError(gettext("Type your PIN."))
    return typed


def read_yes(typed: str) -> bool:
    """Return whether a box was ticked."""
    return typed == "yes"


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """Return a reader that takes one of ``choices`` only."""

    def read(typed: str) -> str:
        if typed not in choices:
            raise ValidationError(gettext("Choose one from the list."))
        return typed

    return read


class WalletForm(Schema):
    """A form; what it does not know (the CSRF token) it leaves alone."""

    class Meta:
        """How all forms behave."""

        unknown = EXCLUDE


class PhoneForm(WalletForm):
    """Asks for a one-time code."""

    phone = Typed(read_phone)


class CodeForm(WalletForm):
    """Confirms a one-time code."""

    code = Typed(read_code)


class GiveForm(WalletForm):
    """To whom points are given, and how many."""

    phone = Typed(read_phone)
    points = Typed(read_gift)


class PinForm(WalletForm):
    """Proves who holds the phone."""

    pin = Typed(read_pin)


class NewPinForm(WalletForm):
    """A PIN typed twice, and the one-time code that sets it."""

    code = Typed(read_code)
    pin = Typed(read_pin)
    again = Typed(read_pin)


class ThresholdForm(WalletForm):
    """Above how many points is asked for the PIN."""

    above = Typed(read_some)


class PoolForm(WalletForm):
    """What kind of shared wallet is made."""

    kind = Typed(one_of(("family", "company")))


class PointsForm(WalletForm):
    """How many points somebody takes along; 0 is fine."""

    points = Typed(read_some)


class PersonLimitForm(WalletForm):
    """How much a person may spend in 30 days; empty for no limit."""

    limit = Typed(read_limit)


class JoinForm(WalletForm):
    """What a new person agrees to, and a name if they like."""

    name = Typed(read_name)
    membership = Typed(read_yes)
    offers = Typed(read_yes)
    research = Typed(read_yes)


class ConsentForm(WalletForm):
    """The purposes that a member may say no to."""

    offers = Typed(read_yes)
    research = Typed(read_yes)


class LimitForm(WalletForm):
    """Sets how many points a code may spend."""

    limit = Typed(read_points)


class PreferencesForm(WalletForm):
    """Language and money unit."""

    locale = Typed(one_of(LOCALES))
    money_unit = Typed(one_of(MONEY_UNITS))


class NoticesForm(WalletForm):
    """What comes by message, and the hours of quiet."""

    refunded = Typed(read_yes)
    taken_back = Typed(read_yes)
    available = Typed(read_yes)
    expiring = Typed(read_yes)
    quiet_from = Typed(one_of(HOURS))
    quiet_until = Typed(one_of(HOURS))


def load(form: WalletForm, data: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return (values, errors): the errors are one sentence a field, in the reader's language."""
    given = {name: data.get(name, "") for name in form.fields}
    try:
        return dict(form.load(given)), {}
    except ValidationError as error:
        found = error.messages if isinstance(error.messages, dict) else {}
        return {}, {str(name): str(texts[0]) for name, texts in found.items()}
