"""Numbers, points and money as people read them, always with the word for the unit.

What a toman is worth stands in one table here, keyed by currency: a redenominated rial will be a
currency of its own with factors of its own, and nothing else divides by ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from network.errors import InvariantError
from network.language.catalogue import current_locale, ngettext, use_locale
from network.language.digits import persian_digits
from network.settings import CURRENCY

MONEY_UNITS = ("toman", "rial")
MINUS = "\u2212"
_LEFT_TO_RIGHT_MARK = "\u200e"
_MOST_PLACES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyVersion:
    """One version of a currency: what each unit that people speak of holds, in minor units."""

    code: str
    factors: Mapping[str, int]


CURRENCIES: Mapping[str, CurrencyVersion] = {
    "IRR": CurrencyVersion(code="IRR", factors={"rial": 1, "toman": 10}),
}


def unit_factor(*, unit: str, currency: str = CURRENCY) -> int:
    """Return how many minor units of ``currency`` one ``unit`` holds."""
    try:
        return CURRENCIES[currency].factors[unit]
    except KeyError as error:
        raise InvariantError(f"{currency} has no unit named {unit}") from error


def format_number(value: int, *, locale: str | None = None, signed: bool = False) -> str:
    """Return a whole number with grouped digits; ``signed`` writes the plus as well."""
    return _localise(_sign(value, signed=signed), f"{abs(value):,}", locale)


def format_decimal(
    value: Decimal | Fraction | int,
    *,
    places: int,
    locale: str | None = None,
    signed: bool = False,
) -> str:
    """Return an exact value rounded half to even to at most ``places``, without idle zeros."""
    scaled = Decimal(round(Fraction(value) * 10**places)).scaleb(-places)
    text = f"{abs(scaled):,.{places}f}"
    if places:
        text = text.rstrip("0").rstrip(".")
    return _localise(_sign(scaled, signed=signed), text, locale)


def format_percent(rate: Decimal | Fraction, *, places: int = 2, locale: str | None = None) -> str:
    """Return a rate (0.02) as a percentage (``2%``, ``۲٪``)."""
    text = format_decimal(Fraction(rate) * 100, places=places, locale=locale)
    return f"{text}٪" if (locale or current_locale()) == "fa" else f"{text}%"


def format_points(points: int, *, locale: str | None = None, signed: bool = False) -> str:
    """Return a point count with its word: ``۱٬۲۵۰ امتیاز``, ``1,250 points``."""
    chosen = locale or current_locale()
    number = format_number(points, locale=chosen, signed=signed)
    with use_locale(chosen):
        return ngettext("%(number)s point", "%(number)s points", abs(points), number=number)


def format_money(
    amount: int,
    *,
    currency: str = CURRENCY,
    locale: str | None = None,
    unit: str = "toman",
    signed: bool = False,
) -> str:
    """Return ``amount`` minor units in ``unit``, with the word: ``۱۲٬۵۰۰ تومان``."""
    chosen = locale or current_locale()
    exact = Fraction(amount, unit_factor(unit=unit, currency=currency))
    number = format_decimal(exact, places=_MOST_PLACES, locale=chosen, signed=signed)
    count = 1 if abs(exact) == 1 else 2
    with use_locale(chosen):
        if unit == "toman":
            return ngettext("%(number)s toman", "%(number)s tomans", count, number=number)
        return ngettext("%(number)s rial", "%(number)s rials", count, number=number)


def _sign(value: int | Decimal, *, signed: bool) -> str:
    if value < 0:
        return MINUS
    return "+" if signed and value > 0 else ""


def _localise(sign: str, digits: str, locale: str | None) -> str:
    if (locale or current_locale()) != "fa":
        return sign + digits
    text = persian_digits(digits.replace(",", "٬").replace(".", "٫"))
    return _mark(sign + text) if sign else text


def _mark(text: str) -> str:
    """Keep a sign to the left of its number inside right-to-left text, as Persian writes it."""
    return _LEFT_TO_RIGHT_MARK + text
