"""What messages say."""

from __future__ import annotations

from collections.abc import Iterable

from network.language import format_number, format_points, gettext, persian_digits, use_locale


def sign_in_text(*, code: str, minutes: int, domain: str, locale: str) -> str:
    """Return the message with a sign-in code.

    The last line binds the code to the wallet's domain, in the form that browsers fill in by
    themselves (the WICG's "origin-bound one-time codes"): ``@domain #code``, in ASCII digits.
    """
    with use_locale(locale):
        shown = persian_digits(code) if locale == "fa" else code
        text = gettext(
            "Your Peyvand code: %(code)s\n"
            "It works for %(minutes)s minutes. Do not give it to anyone; we never ask for it.",
            code=shown,
            minutes=format_number(minutes),
        )
    return f"{text}\n\n@{domain} #{code}"


def redemption_text(*, points: int, merchant: str, balance: int, address: str, locale: str) -> str:
    """Return the message about points that were just spent; ``address`` is the wallet's."""
    with use_locale(locale):
        text = gettext(
            "Peyvand: %(points)s spent at %(merchant)s.\n"
            "Left: %(balance)s.\n"
            "If this was not you, lock spending in your wallet:",
            points=format_points(points),
            merchant=merchant,
            balance=format_points(balance),
        )
    return f"{text}\n{address}"


def shared_spend_text(
    *, person: str, points: int, merchant: str, balance: int, address: str, locale: str
) -> str:
    """Return the message to a shared wallet's owner about what another person just spent."""
    with use_locale(locale):
        text = gettext(
            "Peyvand: %(person)s spent %(points)s of your shared wallet at %(merchant)s.\n"
            "Left: %(balance)s.\n"
            "Limits and more are in your wallet:",
            person=person,
            points=format_points(points),
            merchant=merchant,
            balance=format_points(balance),
        )
    return f"{text}\n{address}"


def giving_text(
    *, code: str, points: int, taker: str, minutes: int, domain: str, locale: str
) -> str:
    """Return the message with the code that confirms a gift; bound as in ``sign_in_text``."""
    with use_locale(locale):
        shown = persian_digits(code) if locale == "fa" else code
        text = gettext(
            "Peyvand: the code %(code)s gives %(points)s of yours to %(taker)s.\n"
            "It works for %(minutes)s minutes. If you did not ask for this, tell it to nobody and "
            "lock spending in your wallet.",
            code=shown,
            points=format_points(points),
            taker=taker,
            minutes=format_number(minutes),
        )
    return f"{text}\n\n@{domain} #{code}"


def received_text(*, points: int, giver: str, address: str, locale: str) -> str:
    """Return the message to whoever was given points; ``address`` is the wallet's."""
    with use_locale(locale):
        text = gettext(
            "Peyvand: %(giver)s gave you %(points)s. See them in your wallet:",
            giver=giver,
            points=format_points(points),
        )
    return f"{text}\n{address}"


def joining_text(
    *,
    code: str,
    merchant: str,
    consents: Iterable[str],
    minutes: int,
    days: int,
    address: str,
    locale: str,
) -> str:
    """Return the message with which a till's customer joins; ``consents`` beside membership.

    It says what telling the code means, because the code is the person's yes. There is no line for
    browsers to fill in by themselves: the code belongs to the cashier.
    """
    with use_locale(locale):
        agreed = {
            "offers": gettext("You also agree that partners may send you offers."),
            "research": gettext("You also agree to statistics about purchases, without your name."),
        }
        lines = [
            gettext(
                "%(merchant)s asks whether you want to collect Peyvand points. If you do, tell the "
                "cashier this code: %(code)s",
                merchant=merchant,
                code=persian_digits(code) if locale == "fa" else code,
            ),
            gettext(
                "By telling it you agree that Peyvand keeps your number and your purchases with "
                "it, to count your points."
            ),
            *(agreed[each] for each in consents),
            gettext(
                "It works for %(minutes)s minutes. If you did not ask for this, do nothing: your "
                "number is deleted after %(days)s days. You can also join by yourself:",
                minutes=format_number(minutes),
                days=format_number(days),
            ),
            address,
        ]
    return "\n".join(lines)
