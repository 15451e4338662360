"""Which PINs are too weak: those that somebody who guesses, or knows the member, tries first."""

from __future__ import annotations

from itertools import pairwise

from network.language.digits import ascii_digits
from network.second_factor.errors import WeakPinError

SHORTEST, LONGEST = 4, 8
LEAST_DIFFERENT = 3
_YEARS = (range(1300, 1430), range(1930, 2040))
_FIXED = frozenset({"2580", "0852", "1470", "3690"})
"""Columns of a telephone's keys."""


def plain_pin(typed: str) -> str:
    """Return what was typed with ASCII digits and without spaces; no longer than one too many."""
    return "".join(ascii_digits(typed[: 4 * LONGEST]).split())[: LONGEST + 1]


def checked_pin(typed: str, *, phone: str) -> str:
    """Return a PIN of 4 to 8 ASCII digits that is not weak for the member with this phone.

    Raises WeakPinError whose ``reason`` is ``form`` (no 4 to 8 digits), ``few`` (fewer than three
    different digits, or one half twice), ``run`` (one after the other, or a column of keys), or
    ``known`` (part of the phone number either way round, or a year).
    """
    pin = plain_pin(typed)
    if not (pin.isascii() and pin.isdigit() and SHORTEST <= len(pin) <= LONGEST):
        raise _weak("form")
    half = len(pin) // 2
    if len(set(pin)) < LEAST_DIFFERENT or pin[:half] * 2 == pin:
        raise _weak("few")
    steps = {(int(later) - int(earlier)) % 10 for earlier, later in pairwise(pin)}
    if len(steps) == 1 or pin in _FIXED:
        raise _weak("run")
    number = f"0{phone.removeprefix('+98')}"
    if pin in number or pin[::-1] in number or any(_is_year(pin, each) for each in _YEARS):
        raise _weak("known")
    return pin


def _is_year(pin: str, years: range) -> bool:
    return len(pin) == SHORTEST and int(pin) in years


def _weak(reason: str) -> WeakPinError:
    return WeakPinError("this PIN is no PIN, or too easy", field="pin", facts={"reason": reason})
