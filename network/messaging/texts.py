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


def leaving_text(*, code: str, points: int, minutes: int, domain: str, locale: str) -> str:
    """Return the message with the code that closes an account; bound as in ``sign_in_text``."""
    with use_locale(locale):
        shown = persian_digits(code) if locale == "fa" else code
        text = gettext(
            "Peyvand: the code %(code)s closes your account for good; %(points)s expire.\n"
            "It works for %(minutes)s minutes. If you did not ask for this, tell it to nobody and "
            "end the other sign-ins in your wallet.",
            code=shown,
            points=format_points(points),
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


def merged_text(*, remains: bool, phone_end: str, address: str, locale: str) -> str:
    """Return the message to a phone of a person whose two memberships became one."""
    end = persian_digits(phone_end) if locale == "fa" else phone_end
    with use_locale(locale):
        text = (
            gettext(
                "Peyvand: your membership under the number ending in %(end)s became part of this "
                "one, with its points and cards. If you have only one membership, tell us:",
                end=end,
            )
            if remains
            else gettext(
                "Peyvand: your membership became part of yours under the number ending in %(end)s. "
                "Your points are there, and this number and your cards lead there. If that is not "
                "you, tell us:",
                end=end,
            )
        )
    return f"{text}\n{address}"


def claim_answered_text(*, address: str, locale: str) -> str:
    """Return the message that a member's claim has been answered; what it says is in the wallet."""
    with use_locale(locale):
        text = gettext("Peyvand: we have answered what you told us about an entry in your wallet:")
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


def pool_code_text(
    *,
    kind: str,
    code: str,
    name: str,
    points: int | None,
    minutes: int,
    domain: str,
    locale: str,
) -> str:
    """Return the message with the code that confirms an act on a shared wallet.

    ``kind`` is invite, join, part or limit; ``points`` is None where there is no limit. Bound as in
    ``sign_in_text``.
    """
    with use_locale(locale):
        facts = {
            "code": persian_digits(code) if locale == "fa" else code,
            "name": name,
            "points": "" if points is None else format_points(points),
        }
        if kind == "invite":
            text = gettext(
                "Peyvand: the code %(code)s invites %(name)s to spend from your shared wallet.",
                **facts,
            )
        elif kind == "join":
            text = gettext(
                "Peyvand: the code %(code)s puts all your points into %(name)s's shared wallet.",
                **facts,
            )
        elif kind == "leave":
            text = gettext(
                "Peyvand: the code %(code)s takes you out of %(name)s's shared wallet, without "
                "points.",
                **facts,
            )
        elif kind == "part":
            text = gettext(
                "Peyvand: the code %(code)s lets %(name)s leave your shared wallet with "
                "%(points)s.",
                **facts,
            )
        elif points is None:
            text = gettext(
                "Peyvand: the code %(code)s lets %(name)s spend all of your shared wallet.", **facts
            )
        else:
            text = gettext(
                "Peyvand: the code %(code)s lets %(name)s spend %(points)s of your shared wallet "
                "in 30 days.",
                **facts,
            )
        warning = gettext(
            "It works for %(minutes)s minutes. If you did not ask for this, tell it to nobody.",
            minutes=format_number(minutes),
        )
    return f"{text}\n{warning}\n\n@{domain} #{code}"


def pool_news_text(*, kind: str, name: str, points: int | None, address: str, locale: str) -> str:
    """Return the message about an act on a shared wallet: ``kind`` as above, or left, or ask."""
    with use_locale(locale):
        shown = "" if points is None else format_points(points)
        if kind == "invite":
            text = gettext("Peyvand: %(name)s invites you to a shared wallet.", name=name)
        elif kind == "join":
            text = gettext("Peyvand: %(name)s joined your shared wallet.", name=name)
        elif kind in {"leave", "left"}:
            text = gettext("Peyvand: %(name)s left your shared wallet.", name=name)
        elif kind == "ask":
            text = gettext(
                "Peyvand: %(name)s asks to leave your shared wallet with %(points)s.",
                name=name,
                points=shown,
            )
        elif kind == "part":
            text = gettext(
                "Peyvand: you left %(name)s's shared wallet, with %(points)s.",
                name=name,
                points=shown,
            )
        elif points is None:
            text = gettext("Peyvand: %(name)s's shared wallet has no limit for you.", name=name)
        else:
            text = gettext(
                "Peyvand: you can spend %(points)s of %(name)s's shared wallet in 30 days.",
                name=name,
                points=shown,
            )
    return f"{text}\n{address}"


def asking_text(
    *,
    code: str,
    points: int,
    merchant: str,
    minutes: int,
    address: str,
    domain: str,
    in_wallet: bool,
    locale: str,
) -> str:
    """Return the message that asks a member for points; ``address`` is where the wallet asks.

    The code is good for exactly this, at the till or in the wallet, or ``in_wallet`` only; bound as
    in ``sign_in_text``.
    """
    with use_locale(locale):
        facts = {
            "merchant": merchant,
            "points": format_points(points),
            "code": persian_digits(code) if locale == "fa" else code,
            "minutes": format_number(minutes),
        }
        text = (
            gettext(
                "Peyvand: %(merchant)s asks to take %(points)s from you.\n"
                "If you are paying there now, agree in your wallet within %(minutes)s minutes; it "
                "asks for your PIN or passkey and the code %(code)s, which is not for the cashier. "
                "If not, do nothing: nothing is taken.",
                **facts,
            )
            if in_wallet
            else gettext(
                "Peyvand: %(merchant)s asks to take %(points)s from you.\n"
                "If you are paying there now, tell the cashier the code %(code)s or agree in your "
                "wallet within %(minutes)s minutes. If not, do nothing: nothing is taken.",
                **facts,
            )
        )
    return f"{text}\n{address}\n\n@{domain} #{code}"
