"""From the fields of the agreement's form to its terms of paying, and their words on pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

from network.language import LazyText, format_date, parse_day
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.merchants.errors import MerchantDataError
from network.merchants.settling import CYCLES, MOST_DAYS, Cycle, Settling, checked
from settlement.console.form_reader import FormReader

FIELDS: dict[str, LazyText] = {
    "credit_cap": _l("Give a whole amount in rials, or nothing."),
    "settlement_cycle": _l("Choose daily, weekly or a calendar."),
    "settlement_weekday": _l("Choose a weekday for the weekly cycle."),
    "settlement_days": _l("Give settlement days for the calendar, as 1405/10/01 or 2026-12-22."),
    "settlement_holidays": _l("Give days separated by commas, as 1405/10/01 or 2026-12-22."),
    "minimum_payment": _l("Give a whole amount in rials, or nothing."),
    "mandate_id": _l("A mandate has an id that banks take (35 characters) and a day of signature."),
    "mandate_signed_on": _l("Give the day on which the mandate was signed; not one to come."),
}
CYCLE_WORDS = {
    "daily": _l("Every business day"),
    "weekly": _l("One day of the week"),
    "calendar": _l("The days of a calendar"),
}
WEEKDAYS = {
    6: _l("Saturday"),
    7: _l("Sunday"),
    1: _l("Monday"),
    2: _l("Tuesday"),
    3: _l("Wednesday"),
    4: _l("Thursday"),
    5: _l("Friday"),
}
"""ISO's numbers in the order of the Iranian week."""


@dataclass(slots=True)
class _Reader(FormReader):
    """Reads the part of an agreement's form that says how its merchant is paid."""

    WORDS = FIELDS

    def days(self, name: str) -> tuple[date, ...]:
        given = self.text(name).replace("،", ",").replace("\n", ",").split(",")
        words = [each.strip() for each in given if each.strip()]
        found = [parse_day(each) for each in words[: MOST_DAYS + 1]]
        if None in found:
            self.refuse(name)
        return tuple(each for each in found if each is not None)


def read_settling(form: Mapping[str, str], *, today: date) -> tuple[Settling, dict[str, str]]:
    """Return what a form says about paying, and what is wrong with it by field."""
    reader = _Reader(form)
    cycle = reader.text("settlement_cycle") or "daily"
    signed_on = reader.day_or_none("mandate_signed_on")
    if signed_on is not None and signed_on > today:
        reader.refuse("mandate_signed_on")
    given = Settling(
        cap=reader.whole_or_none("credit_cap"),
        cycle=cast("Cycle", cycle),
        weekday=reader.whole_or_none("settlement_weekday") if cycle == "weekly" else None,
        days=reader.days("settlement_days") if cycle == "calendar" else (),
        holidays=reader.days("settlement_holidays"),
        minimum=reader.whole_or_none("minimum_payment") or 0,
        mandate_id=reader.text("mandate_id") or None,
        mandate_signed_on=signed_on,
    )
    try:
        return checked(given), reader.wrong
    except MerchantDataError as error:
        reader.refuse(error.field or "settlement_cycle")
        return given, reader.wrong


def written(settling: Settling) -> dict[str, str]:
    """Return terms of paying as the form's fields hold them."""
    return {
        "credit_cap": "" if settling.cap is None else str(settling.cap),
        "settlement_cycle": settling.cycle,
        "settlement_weekday": str(settling.weekday or 6),
        "settlement_days": ", ".join(each.isoformat() for each in settling.days),
        "settlement_holidays": ", ".join(each.isoformat() for each in settling.holidays),
        "minimum_payment": str(settling.minimum or ""),
        "mandate_id": settling.mandate_id or "",
        "mandate_signed_on": (
            settling.mandate_signed_on.isoformat() if settling.mandate_signed_on else ""
        ),
    }


def cycle_words(settling: Settling, *, today: date) -> str:
    """Return in a few words when a balance is paid."""
    if settling.cycle == "daily" and not settling.holidays:
        return _("every business day")
    following = settling.next_day(after=today)
    if following is None:
        return _("on no day any more: the calendar has run out")
    day = format_date(following)
    if settling.cycle == "weekly" and settling.weekday is not None:
        return _("on %(weekday)s; next %(day)s", weekday=WEEKDAYS[settling.weekday], day=day)
    if settling.cycle == "calendar":
        return _("by its calendar; next %(day)s", day=day)
    return _("every business day but its holidays; next %(day)s", day=day)


def choices() -> dict[str, list[tuple[str, str]]]:
    """Return what the form's lists offer."""
    return {
        "cycles": [(each, str(CYCLE_WORDS[each])) for each in CYCLES],
        "weekdays": [(str(number), str(words)) for number, words in WEEKDAYS.items()],
    }
