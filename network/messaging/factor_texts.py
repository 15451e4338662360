"""What messages say about a member's second factor."""

from __future__ import annotations

from network.language import format_number, gettext, persian_digits, use_locale


def pin_code_text(*, code: str, minutes: int, domain: str, locale: str) -> str:
    """Return the message with the code that sets a PIN; bound as in ``texts.sign_in_text``."""
    with use_locale(locale):
        text = gettext(
            "Peyvand: the code %(code)s sets a new PIN for your wallet.\n"
            "It works for %(minutes)s minutes. If you did not ask for this, tell it to nobody and "
            "end the other sign-ins in your wallet.",
            code=persian_digits(code) if locale == "fa" else code,
            minutes=format_number(minutes),
        )
    return f"{text}\n\n@{domain} #{code}"


def pin_set_text(*, first: bool, address: str, locale: str) -> str:
    """Return the message that a wallet has a PIN, or another one; ``address`` is the wallet's."""
    with use_locale(locale):
        text = (
            gettext(
                "Peyvand: your wallet has a PIN now.\n"
                "If this was not you, lock spending and end the other sign-ins in your wallet:"
            )
            if first
            else gettext(
                "Peyvand: your wallet's PIN was changed.\n"
                "If this was not you, lock spending and end the other sign-ins in your wallet:"
            )
        )
    return f"{text}\n{address}"


def passkey_text(*, address: str, locale: str) -> str:
    """Return the message that a passkey opens the wallet from now on."""
    with use_locale(locale):
        text = gettext(
            "Peyvand: a new passkey opens your wallet.\n"
            "If this was not you, remove it and end the other sign-ins in your wallet:"
        )
    return f"{text}\n{address}"
