"""What the wallet says of one-time codes that were not taken, or were asked for too soon."""

from __future__ import annotations

from network.language import format_number, gettext, ngettext
from network.members.errors import ThrottledError
from network.members.sign_in import CodeRefused

_SECONDS_TOLD = 120


def wait_words(error: ThrottledError) -> str:
    """Return how long to wait before another code can be asked for."""
    seconds = int(str(error.facts.get("retry_after", 60)))
    if seconds > _SECONDS_TOLD:
        minutes = -(-seconds // 60)
        return ngettext(
            "Many codes were asked for lately. Wait %(number)s minute, then ask again.",
            "Many codes were asked for lately. Wait %(number)s minutes, then ask again.",
            minutes,
            number=format_number(minutes),
        )
    return ngettext(
        "A code was sent a moment ago. Wait %(number)s second, then ask again.",
        "A code was sent a moment ago. Wait %(number)s seconds, then ask again.",
        seconds,
        number=format_number(seconds),
    )


def refusal_words(refused: CodeRefused) -> str:
    """Return why a one-time code was not taken."""
    if refused.code == "code_lapsed" or refused.attempts_left == 0:
        return gettext("The code has lapsed. Ask for a new one.")
    return ngettext(
        "This is not the code we sent. %(number)s more try.",
        "This is not the code we sent. %(number)s more tries.",
        refused.attempts_left,
        number=format_number(refused.attempts_left),
    )
