"""What the wallet says of PINs that were not taken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from network.language import LazyText, format_number, gettext, ngettext
from network.language import lazy_gettext as _l
from network.second_factor.errors import WeakPinError
from network.second_factor.pins import PinRefused

_WEAK: Mapping[str, LazyText] = {
    "form": _l("A PIN has four to eight digits."),
    "few": _l("This is easy to guess: use at least three different digits, and no half twice."),
    "run": _l("This is easy to guess: the digits follow one another."),
    "known": _l("This is easy to guess: it is in your phone number, or a year."),
}


def weak_words(error: WeakPinError) -> str:
    """Return why a PIN can't be chosen."""
    return str(_WEAK[str(error.facts["reason"])])


def pin_refused(refused: PinRefused, *, wall: datetime) -> str:
    """Return why a PIN was not taken, and when the next try is looked at."""
    if refused.code == "locked":
        return gettext("Too many wrong tries: the PIN is locked. Set a new one, or sign in again.")
    if refused.code == "none":
        return gettext("You have no PIN yet.")
    if refused.again_at is None:
        return gettext("This is not your PIN.")
    seconds = max(1, -((wall - refused.again_at) // timedelta(seconds=1)))
    if seconds <= _MINUTE:
        wait = ngettext(
            "Wait %(number)s second.",
            "Wait %(number)s seconds.",
            seconds,
            number=format_number(seconds),
        )
    else:
        minutes = -(-seconds // _MINUTE)
        wait = ngettext(
            "Wait %(number)s minute.",
            "Wait %(number)s minutes.",
            minutes,
            number=format_number(minutes),
        )
    if refused.code == "wait":
        return gettext("After several wrong tries there is a pause.") + " " + wait
    return gettext("This is not your PIN.") + " " + wait


_MINUTE = 60
