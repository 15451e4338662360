"""What templates may say: gettext, filters for numbers, money and dates, isolated identifiers.

Filters: ``number``, ``decimal(places)``, ``percent``, ``points``, ``money(currency, unit)``,
``date``, ``long_date``, ``month``, ``time``, ``datetime``, ``digits`` (Persian digits in Persian),
``ltr`` (an identifier that keeps its direction and does not break), ``short`` (its beginning),
``device`` (what a browser says of itself, in a few words),
``moment`` (a ``<time>``), ``typed_day`` (as a form's field has it) and ``day_before`` (of an end).
Globals: ``_``, ``ngettext``, ``pgettext``, ``locale()``, ``direction()``, ``local(row, "name")``
(``row.name_fa`` or ``row.name_en``), ``asset_url``, ``other_languages()``, ``request_id()``,
``simulated_now()``, ``csrf_token()``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial, wraps
from pathlib import Path

from flask import Flask
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from config.web import headers, reader
from config.web.device import device_name
from network import language
from network.database.installation import ProgrammeClock
from network.errors import UnavailableError
from network.settings import CURRENCY

TEMPLATES = Path(__file__).parent / "templates"


def install(app: Flask, *, clock: ProgrammeClock) -> None:
    """Give the templates of ``app`` their filters and globals, and the shared templates."""
    environment = app.jinja_env
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    speaker = language.Speaker(package=app.import_name.partition(".")[0])
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        speaker.gettext,
        speaker.ngettext,
        newstyle=True,
        pgettext=speaker.pgettext,
        npgettext=speaker.npgettext,
    )
    loaders: list[BaseLoader] = [FileSystemLoader(TEMPLATES)]
    if app.jinja_loader is not None:
        loaders.insert(0, app.jinja_loader)
    environment.loader = ChoiceLoader(loaders)
    environment.filters.update(_filters(app))
    environment.globals.update(
        locale=language.current_locale,
        direction=direction,
        local=local,
        request_id=headers.request_id,
        simulated_now=partial(simulated_now, clock),
    )


def direction() -> str:
    """Return the reader's writing direction."""
    return "rtl" if language.current_locale() == "fa" else "ltr"


def local(row: object, name: str) -> str:
    """Return the attribute of ``row`` in the reader's language (``name_fa`` or ``name_en``)."""
    return str(getattr(row, f"{name}_{language.current_locale()}") or "")


def simulated_now(clock: ProgrammeClock) -> datetime | None:
    """Return programme time in a simulated installation, ``None`` in a real one."""
    try:
        return clock.now() if clock.simulated else None
    except UnavailableError:
        return None


def ltr(text: object) -> Markup:
    """Wrap an identifier so that it keeps its direction and does not break over lines."""
    return Markup('<bdi dir="ltr" class="ltr">{}</bdi>').format(text)


def percent(rate: Decimal | Fraction, places: int = 2) -> str:
    """Return a rate as a percentage; in Persian its sign stands to the left wherever it begins.

    Without the Arabic letter mark (UAX 9) it would stand to the right at the beginning of a line,
    and to the left behind a word.
    """
    said = language.format_percent(rate, places=places)
    return f"\u061c{said}" if language.current_locale() == "fa" else said


def moment(value: datetime | date, style: str = "datetime") -> Markup:
    """Return a ``<time>`` in the style ``date``, ``long_date``, ``time`` or ``datetime``."""
    if isinstance(value, datetime):
        machine = value.astimezone(UTC).isoformat(timespec="seconds")
    else:
        machine = value.isoformat()
        style = "date" if style == "datetime" else style
    words: dict[str, Callable[..., str]] = {
        "date": language.format_date,
        "long_date": language.format_long_date,
        "time": language.format_time,
        "datetime": language.format_datetime,
    }
    return Markup('<time datetime="{}">{}</time>').format(machine, words[style](value))


def digits(text: object) -> str:
    """Return ``text`` with the reader's digits."""
    plain = str(text)
    return language.persian_digits(plain) if language.current_locale() == "fa" else plain


def short(text: str, length: int = 12) -> str:
    """Return the beginning of a long identifier."""
    return text if len(text) <= length else f"{text[:length]}…"


def day_before(day: date) -> date:
    """Return the last day of a period whose end is the first day after it."""
    return day - timedelta(days=1)


def typed_day(day: date) -> str:
    """Return a day as a field of a form has it, and as it is read back from there."""
    return language.format_date(day) if language.current_locale() == "fa" else day.isoformat()


def _filters(app: Flask) -> dict[str, Callable[..., object]]:
    def money(
        amount: int, currency: str = CURRENCY, unit: str | None = None, *, signed: bool = False
    ) -> str:
        chosen = unit or reader.reader_money_unit(app)
        return language.format_money(amount, currency=currency, unit=chosen, signed=signed)

    def decimal(value: int, places: int = 2) -> str:
        return language.format_decimal(value, places=places)

    spoken: dict[str, Callable[..., object]] = {
        "number": language.format_number,
        "decimal": decimal,
        "percent": percent,
        "points": language.format_points,
        "money": money,
        "date": language.format_date,
        "long_date": language.format_long_date,
        "month": language.format_month,
        "time": language.format_time,
        "datetime": language.format_datetime,
        "digits": digits,
        "moment": moment,
        "typed_day": typed_day,
    }
    plain: dict[str, Callable[..., object]] = {
        "ltr": ltr,
        "short": short,
        "day_before": day_before,
        "device": device_name,
    }
    return {**plain, **{name: for_reader(words) for name, words in spoken.items()}}


def for_reader(words: Callable[..., object]) -> Callable[..., object]:
    """Return a filter that is asked anew for every reader.

    Jinja works out filters of constants when it compiles a template, in whatever language is being
    read at that moment; one that takes the context is left alone.
    """

    @pass_context
    @wraps(words)
    def asked(context: Context, *values: object, **options: object) -> object:
        del context
        return words(*values, **options)

    return asked
