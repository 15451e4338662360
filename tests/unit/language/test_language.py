"""Digits, dates, money and messages as people read and type them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.errors import InvariantError
from network.language import (
    ascii_digits,
    current_locale,
    format_date,
    format_datetime,
    format_decimal,
    format_long_date,
    format_money,
    format_month,
    format_number,
    format_percent,
    format_points,
    format_time,
    gettext,
    lazy_gettext,
    ngettext,
    normalise,
    parse_decimal,
    parse_whole_number,
    persian_digits,
    sort_key,
    unit_factor,
    use_locale,
)

FIRST_OF_AZAR = date(2026, 11, 22)


@given(st.integers(min_value=0, max_value=10**18))
def test_digits_go_there_and_back(number: int) -> None:
    assert ascii_digits(persian_digits(number)) == str(number)
    assert parse_whole_number(format_number(number, locale="fa")) == number
    assert parse_whole_number(format_number(number, locale="en")) == number


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("۱۲٬۵۰۰", 12_500),
        ("١٢٣", 123),
        (" 1 000 ", 1000),
        ("", None),
        ("-5", None),
        ("۱۲.۵", None),
        ("²", None),
        ("9" * 20, None),
    ],
)
def test_numbers_as_people_type_them(typed: str, number: int | None) -> None:
    assert parse_whole_number(typed) == number


def test_whole_numbers_have_a_limit() -> None:
    assert parse_whole_number("9223372036854775807") == 2**63 - 1
    assert parse_whole_number("9223372036854775808") is None
    assert parse_whole_number("۶۴", most=64) == 64
    assert parse_whole_number("65", most=64) is None


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("۱٬۰۰۵٫۵", "1005.5"),
        ("1,005.50", "1005.50"),
        ("1 000 000", "1000000"),
        (" 2.5 % ", "2.5"),
        ("۲٫۵٪", "2.5"),
        ("0.0000000001", "0.0000000001"),
        # These mean one number to some and another to others.
        ("12,5", None),
        ("1,0005", None),
        ("1.000,5", None),
        *((wrong, None) for wrong in ("", "-1", "+1", "1e9", "NaN", "Infinity", "1.", "1_0", "²")),
        ("1" * 13, None),
        ("0.00000000001", None),
    ],
)
def test_decimals_as_people_type_them(typed: str, number: str | None) -> None:
    found = parse_decimal(typed)
    assert (None if found is None else f"{found:f}") == number


def test_arabic_letters_become_persian() -> None:
    assert normalise("  كتاب\u0640ي  نو ") == "کتابی نو"


def test_the_persian_alphabet_sorts_as_it_should() -> None:
    words = ["یاس", "گل", "لاله", "آرش", "پروین", "ابر", "ژاله", "زهرا", "Book", "ali", "۲", "1"]
    expected = ["1", "۲", "ali", "Book", "آرش", "ابر", "پروین", "زهرا", "ژاله", "گل", "لاله", "یاس"]
    assert sorted(words, key=sort_key) == expected


@pytest.mark.parametrize(
    ("day", "short", "long"),
    [
        (FIRST_OF_AZAR, "۱۴۰۵/۰۹/۰۱", "یکشنبه ۱ آذر ۱۴۰۵"),
        (date(2025, 3, 20), "۱۴۰۳/۱۲/۳۰", "پنجشنبه ۳۰ اسفند ۱۴۰۳"),
        (date(2025, 3, 21), "۱۴۰۴/۰۱/۰۱", "جمعه ۱ فروردین ۱۴۰۴"),
    ],
)
def test_days_in_persian(day: date, short: str, long: str) -> None:
    assert format_date(day, locale="fa") == short
    assert format_long_date(day, locale="fa") == long


def test_days_in_english() -> None:
    assert format_date(FIRST_OF_AZAR, locale="en") == "22 Nov 2026"
    assert format_long_date(FIRST_OF_AZAR, locale="en") == "Sunday 22 November 2026"
    assert format_long_date(FIRST_OF_AZAR, locale="en", weekday=False) == "22 November 2026"
    assert format_month(FIRST_OF_AZAR, locale="en") == "November 2026"


def test_moments_are_shown_in_tehran() -> None:
    late = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)
    assert format_date(late, locale="en") == "22 Nov 2026"
    assert format_time(late, locale="fa") == "۰۰:۳۰"
    assert format_datetime(late, locale="fa") == "۱۴۰۵/۰۹/۰۱، ۰۰:۳۰"


def test_money_always_has_its_word() -> None:
    assert format_money(125_000, locale="fa") == "۱۲٬۵۰۰ تومان"
    assert format_money(125_000, locale="fa", unit="rial") == "۱۲۵٬۰۰۰ ریال"
    assert format_money(125_005, locale="fa") == "۱۲٬۵۰۰٫۵ تومان"
    assert format_money(-10, locale="en") == "−1 toman"
    assert format_money(25, locale="en", signed=True) == "+2.5 tomans"
    assert format_money(-1230, locale="fa") == "\u200e−۱۲۳ تومان"


def test_an_unknown_unit_is_an_invariant() -> None:
    with pytest.raises(InvariantError):
        unit_factor(unit="dirham")


def test_points_and_rates() -> None:
    assert format_points(1, locale="en") == "1 point"
    assert format_points(1250, locale="en", signed=True) == "+1,250 points"
    assert format_points(-3, locale="fa") == "\u200e−۳ امتیاز"
    assert format_percent(Decimal("0.0150"), locale="en") == "1.5%"
    assert format_percent(Decimal("0.02"), locale="fa") == "۲٪"
    assert format_decimal(Fraction(1, 3), places=4, locale="fa") == "۰٫۳۳۳۳"
    assert format_decimal(1200, places=0, locale="en") == "1,200"


def test_the_language_is_that_of_the_block() -> None:
    words = lazy_gettext("Page not found")
    assert current_locale() == "en"
    with use_locale("fa"):
        assert current_locale() == "fa"
        assert gettext("Page not found") == str(words) == "صفحه پیدا نشد"
        with use_locale("de"):
            assert str(words) == "Page not found"
    assert str(words) == "Page not found"


def test_plural_forms_take_facts() -> None:
    forms = ("%(number)s point", "%(number)s points")
    assert ngettext(*forms, 2, number="2") == "2 points"
    with use_locale("fa"):
        assert ngettext(*forms, 2, number="۲") == "۲ امتیاز"


def test_a_message_without_facts_keeps_its_percent_sign() -> None:
    assert gettext("50 % off") == "50 % off"
