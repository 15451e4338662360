"""What can be wrong with one field of a body or one parameter of a query, in words."""

from __future__ import annotations

from network.language import LazyText
from network.language import lazy_gettext as _

FIELD_TEXTS: dict[str, LazyText] = {
    "missing": _("This field is needed."),
    "null": _("This field cannot be null."),
    "unknown_field": _("There is no such field."),
    "duplicate_key": _("This stands here twice."),
    "nested_too_deeply": _("Nested more than %(argument)s levels deep."),
    "not_text": _("This must be text."),
    "not_integer": _("This must be a whole number, without quotes, fraction or exponent."),
    "not_object": _("This must be an object."),
    "not_list": _("This must be a list."),
    "empty_list": _("This list is empty."),
    "too_many": _("At most %(argument)s are taken."),
    "not_positive": _("This must be more than zero."),
    "too_small": _("This must be at least %(argument)s."),
    "too_large": _("This must be at most %(argument)s."),
    "blank": _("This is empty."),
    "too_short": _("This must have at least %(argument)s characters."),
    "too_long": _("This must have at most %(argument)s characters."),
    "control_character": _("This has characters that cannot be printed."),
    "invisible_character": _("This has a character that nobody sees: %(argument)s."),
    "not_composed": _("This is not in Unicode's composed form (NFC)."),
    "surrounding_spaces": _("This begins or ends with a space."),
    "wrong_form": _("This does not have the documented form."),
    "not_one_of": _("This must be one of: %(argument)s."),
    "exactly_one_of": _("Exactly one of these is needed: %(argument)s."),
    "only_with": _("This is taken with %(argument)s alone."),
    "foreign_currency": _("Only %(argument)s is taken."),
    "not_time": _("This is not a time as in RFC 3339."),
    "time_without_zone": _("This time lacks its offset from UTC."),
    "not_date": _("This is not a date."),
    "in_the_future": _("This lies ahead of the network's time, %(argument)s."),
    "too_long_ago": _("This lies more than 30 days before the network's time, %(argument)s."),
    "same_line_twice": _("A line is named twice."),
    "empty_change": _("There is nothing to change here."),
    "same_word_twice": _("A word stands here twice."),
    "weak_or_no_key": _("This is not an Ed25519 public key, or a weak one."),
    "unknown_store": _("There is no such store."),
    "closed_store": _("This store is closed."),
    "unknown_terminal": _("This till is not on the store's list, or is closed."),
    "unknown_tier": _("There is no such tier."),
    "unknown_cursor": _("This cursor was not given out by this list."),
}
"""Every code of a field by name; ``%(argument)s`` is filled from the error."""
