"""What the file's message and its first lines say."""

from __future__ import annotations

from network.language import format_number, gettext, persian_digits, use_locale


def export_text(*, code: str, minutes: int, domain: str, locale: str) -> str:
    """Return the message with the code that hands a member's data out.

    Bound to the wallet's domain as in ``messaging.texts.sign_in_text``.
    """
    with use_locale(locale):
        text = gettext(
            "Peyvand: the code %(code)s opens a file with everything we keep of you.\n"
            "It works for %(minutes)s minutes. If you did not ask for this, tell it to nobody and "
            "end the other sign-ins in your wallet.",
            code=persian_digits(code) if locale == "fa" else code,
            minutes=format_number(minutes),
        )
    return f"{text}\n\n@{domain} #{code}"


def format_words(*, locale: str) -> str:
    """Return how the file is to be read."""
    with use_locale(locale):
        return gettext(
            "Times are in UTC, days are those of Tehran. Points are whole numbers, amounts are "
            "rials where no other currency is named. A wallet is named by the id of its member. "
            "partners has the names of the shops whose ids stand in the other parts."
        )
