"""What notices say, on the wallet's page and in messages: a sentence or two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from network.language import current_locale, format_long_date, format_points, gettext, use_locale

Days = Sequence[tuple[date, int]]
"""The last days on which points can be used, each with how many."""

MOST_DAYS = 3
"""A text message names so many of them; the wallet has them all."""


def redeemed_words(*, points: int, merchant: str, person: str = "") -> str:
    """Return that points were spent, by ``person`` where that was somebody else."""
    if person:
        return gettext(
            "%(person)s spent %(points)s of your shared wallet at %(merchant)s.",
            person=person,
            points=format_points(points),
            merchant=merchant,
        )
    return gettext(
        "%(points)s spent at %(merchant)s.", points=format_points(points), merchant=merchant
    )


def refunded_words(*, points: int, merchant: str) -> str:
    """Return that a merchant gave points back."""
    return gettext(
        "%(merchant)s gave %(points)s back to you.", merchant=merchant, points=format_points(points)
    )


def taken_back_words(*, points: int, owed: int, merchant: str) -> str:
    """Return that a return took points back, and how many of them are owed now."""
    said = gettext(
        "%(merchant)s took %(points)s back after a return.",
        merchant=merchant,
        points=format_points(points),
    )
    if not owed:
        return said
    debt = gettext(
        "You had spent %(points)s of them: what you earn next goes there first.",
        points=format_points(owed),
    )
    return f"{said} {debt}"


def available_words(*, points: int) -> str:
    """Return that points which were pending can be spent."""
    return gettext("%(points)s of yours can be spent from now on.", points=format_points(points))


def expiring_words(days: Days, *, most: int | None = None, locale: str | None = None) -> str:
    """Return until when points can be used, on at most so many days."""
    with use_locale(locale or current_locale()):
        return _expiring(days[:most])


def _expiring(days: Days) -> str:
    first, points = days[0]
    lines = [
        gettext(
            "%(points)s of yours can be used until the end of %(day)s only.",
            points=format_points(points),
            day=format_long_date(first, weekday=False),
        )
    ]
    lines += [
        gettext(
            "%(points)s until the end of %(day)s.",
            points=format_points(each),
            day=format_long_date(day, weekday=False),
        )
        for day, each in days[1:]
    ]
    return "\n".join(lines)


def device_words(*, device: str) -> str:
    """Return that somebody signed in on a device that the member had not used."""
    if not device:
        return gettext("You signed in on a new device.")
    return gettext("You signed in on a new device: %(device)s.", device=device)


def news_text(news: str, *, address: str, locale: str) -> str:
    """Return a message with news for a member; ``address`` is where the wallet shows more."""
    with use_locale(locale):
        return f"{gettext('Peyvand: %(news)s', news=news)}\n{address}"


def device_text(*, device: str, address: str, locale: str) -> str:
    """Return the message about a sign-in on a new device, with what to do where it was another."""
    with use_locale(locale):
        said = device_words(device=device)
        warning = gettext("If that was not you, end it in your wallet and lock spending:")
        return f"{gettext('Peyvand: %(news)s', news=said)}\n{warning}\n{address}"
