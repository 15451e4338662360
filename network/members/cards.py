"""Card numbers: 16 digits that no bank issues, the last one a check digit."""

from __future__ import annotations

import re
import secrets

from network.language.digits import ascii_digits
from network.members.errors import InvalidCardError

PREFIX = "9364"
"""ISO/IEC 7812-1: 9 stands for numbers assigned nationally, followed by the country (364, Iran)."""

CARD_DIGITS = 16
_MOST_CHARACTERS = 40
_SEPARATORS = re.compile("[\\s\u200b-\u200f\u202a-\u202e\u2066-\u2069-]")


def new_card_number() -> str:
    """Return a random card number; whoever stores it sees to it that it is new."""
    free = CARD_DIGITS - len(PREFIX) - 1
    body = PREFIX + f"{secrets.randbelow(10**free):0{free}}"
    return body + check_digit(body)


def normalise_card_number(text: str, *, field: str = "card") -> str:
    """Return the 16 digits of a card number typed in any digits, with spaces or hyphens.

    Raises InvalidCardError where the form, the prefix or the check digit is wrong.
    """
    plain = _SEPARATORS.sub("", ascii_digits(text[: _MOST_CHARACTERS + 1]))
    if (
        len(text) > _MOST_CHARACTERS
        or len(plain) != CARD_DIGITS
        or not (plain.isascii() and plain.isdigit())
        or not plain.startswith(PREFIX)
        or check_digit(plain[:-1]) != plain[-1]
    ):
        raise InvalidCardError("this is not a card number of this network", field=field)
    return plain


def check_digit(body: str) -> str:
    """Return the digit that makes ``body`` pass the Luhn check (ISO/IEC 7812-1 annex B)."""
    total = 0
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of two digits
    return str(-total % 10)


def grouped(number: str) -> str:
    """Return a card number in groups of four, as it is printed."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
