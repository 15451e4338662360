"""What a person reads: translation, digits, dates and money in Persian and English."""

from network.language.catalogue import (
    DEFAULT_LOCALE,
    LOCALES,
    LazyText,
    current_locale,
    gettext,
    lazy_gettext,
    ngettext,
    npgettext,
    pgettext,
    set_locale,
    use_locale,
)
from network.language.dates import (
    format_date,
    format_datetime,
    format_long_date,
    format_month,
    format_time,
)
from network.language.digits import (
    ascii_digits,
    normalise,
    parse_whole_number,
    persian_digits,
    sort_key,
)
from network.language.money import (
    MONEY_UNITS,
    format_decimal,
    format_money,
    format_number,
    format_percent,
    format_points,
    unit_factor,
)

__all__ = [
    "DEFAULT_LOCALE",
    "LOCALES",
    "MONEY_UNITS",
    "LazyText",
    "ascii_digits",
    "current_locale",
    "format_date",
    "format_datetime",
    "format_decimal",
    "format_long_date",
    "format_money",
    "format_month",
    "format_number",
    "format_percent",
    "format_points",
    "format_time",
    "gettext",
    "lazy_gettext",
    "ngettext",
    "normalise",
    "npgettext",
    "parse_whole_number",
    "persian_digits",
    "pgettext",
    "set_locale",
    "sort_key",
    "unit_factor",
    "use_locale",
]
