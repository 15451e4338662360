"""Dates and times as people read them: the Jalali calendar in Persian, Gregorian in English.

Moments are shown in the programme's zone. The Jalali arithmetic is jdatetime's; Babel's Persian
locale is of no use here, it writes Gregorian dates in Latin digits.
"""

from __future__ import annotations

import re
from datetime import date, datetime

import jdatetime

from network.clock import local_date
from network.language.catalogue import current_locale
from network.language.digits import ascii_digits, persian_digits
from network.settings import PROGRAMME_ZONE

_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_FIRST_GREGORIAN_YEAR = 1700
_PERSIAN_WEEKDAYS = ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه")
_PERSIAN_MONTHS = (
    "فروردین",
    "اردیبهشت",
    "خرداد",
    "تیر",
    "مرداد",
    "شهریور",
    "مهر",
    "آبان",
    "آذر",
    "دی",
    "بهمن",
    "اسفند",
)
_ENGLISH_WEEKDAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
_ENGLISH_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def format_date(moment: date | datetime, *, locale: str | None = None) -> str:
    """Return a day in short: ``۱۴۰۵/۰۹/۰۱`` or ``22 Nov 2026``."""
    day = _day(moment)
    if (locale or current_locale()) == "fa":
        jalali = jdatetime.date.fromgregorian(date=day)
        return persian_digits(f"{jalali.year:04}/{jalali.month:02}/{jalali.day:02}")
    return f"{day.day} {_ENGLISH_MONTHS[day.month - 1][:3]} {day.year}"


def format_long_date(
    moment: date | datetime, *, locale: str | None = None, weekday: bool = True
) -> str:
    """Return a day in full: ``یکشنبه ۱ آذر ۱۴۰۵`` or ``Sunday 22 November 2026``."""
    day = _day(moment)
    if (locale or current_locale()) == "fa":
        jalali = jdatetime.date.fromgregorian(date=day)
        text = persian_digits(f"{jalali.day} {_PERSIAN_MONTHS[jalali.month - 1]} {jalali.year}")
        return f"{_PERSIAN_WEEKDAYS[day.weekday()]} {text}" if weekday else text
    text = f"{day.day} {_ENGLISH_MONTHS[day.month - 1]} {day.year}"
    return f"{_ENGLISH_WEEKDAYS[day.weekday()]} {text}" if weekday else text


def format_month(moment: date | datetime, *, locale: str | None = None) -> str:
    """Return a month: ``آذر ۱۴۰۵`` or ``November 2026``."""
    day = _day(moment)
    if (locale or current_locale()) == "fa":
        jalali = jdatetime.date.fromgregorian(date=day)
        return persian_digits(f"{_PERSIAN_MONTHS[jalali.month - 1]} {jalali.year}")
    return f"{_ENGLISH_MONTHS[day.month - 1]} {day.year}"


def format_time(moment: datetime, *, locale: str | None = None) -> str:
    """Return a time of day in the programme's zone: ``۱۴:۰۵`` or ``14:05``."""
    text = f"{moment.astimezone(PROGRAMME_ZONE):%H:%M}"
    return persian_digits(text) if (locale or current_locale()) == "fa" else text


def format_datetime(moment: datetime, *, locale: str | None = None) -> str:
    """Return a day in short with its time."""
    joint = "، " if (locale or current_locale()) == "fa" else ", "
    return format_date(moment, locale=locale) + joint + format_time(moment, locale=locale)


def _day(moment: date | datetime) -> date:
    if isinstance(moment, datetime):
        return local_date(moment, zone=PROGRAMME_ZONE)
    return moment


def parse_day(text: str) -> date | None:
    """Return the day that a person typed, Gregorian or Jalali by its year, in any digits."""
    match = _DAY.fullmatch(ascii_digits(text).strip())
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    try:
        if year >= _FIRST_GREGORIAN_YEAR:
            return date(year, month, day)
        found = jdatetime.date(year, month, day).togregorian()
    except ValueError:
        return None
    return found if isinstance(found, date) else None
