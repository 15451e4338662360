"""Reads a form field by field: exact values, and what is wrong with those that are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import ClassVar, TypeVar

from network.language import LazyText, parse_day, parse_decimal, parse_whole_number

Value = TypeVar("Value")


def exact(text: str) -> Fraction | None:
    """Return the exact value of a decimal number in any digits, None where it is none."""
    found = parse_decimal(text)
    return None if found is None else Fraction(found)


@dataclass(slots=True)
class FormReader:
    """A form, and by field what has to be said of it.

    A value that a form must have is zero (the first day there is) where its field holds none, which
    is refused; one that it may have is ``None`` where its field is empty.
    """

    WORDS: ClassVar[Mapping[str, LazyText]] = {}
    """What is said of each field where it is refused."""

    form: Mapping[str, str]
    wrong: dict[str, str] = field(default_factory=dict)

    def refuse(self, name: str) -> None:
        """Say that a field is wrong."""
        self.wrong[name] = str(self.WORDS.get(name, name))

    def text(self, name: str) -> str:
        """Return a field without spaces around it."""
        return self.form.get(name, "").strip()

    def day(self, name: str) -> date:
        """Return a day, in either calendar."""
        return self._needed(name, parse_day) or date.min

    def whole(self, name: str) -> int:
        """Return a whole number."""
        return self._needed(name, parse_whole_number) or 0

    def exact(self, name: str) -> Fraction:
        """Return an exact number."""
        return self._needed(name, exact) or Fraction(0)

    def day_or_none(self, name: str) -> date | None:
        """Return a day, in either calendar, that a form may leave out."""
        return self._needed(name, parse_day) if self.text(name) else None

    def whole_or_none(self, name: str) -> int | None:
        """Return a whole number that a form may leave out."""
        return self._needed(name, parse_whole_number) if self.text(name) else None

    def _needed(self, name: str, parse: Callable[[str], Value | None]) -> Value | None:
        found = parse(self.text(name))
        if found is None:
            self.refuse(name)
        return found
