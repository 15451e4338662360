"""Campaigns' steps of an explanation in words: what one adds, would add, or why it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from network.language import (
    current_locale,
    format_money,
    format_number,
    format_points,
    gettext,
    isolated,
)
from network.programme.rules import Step


def _name(step: Step, fact: str = "campaign") -> str:
    names = step.facts[fact]
    return isolated(names[current_locale()])


def _factor(step: Step) -> str:
    factor = Fraction(step.facts["value"])
    if factor.denominator == 1:
        return format_number(factor.numerator)
    return f"{format_number(factor.numerator)}/{format_number(factor.denominator)}"


def _list(step: Step, fact: str) -> str:
    return gettext(", ").join(map(isolated, step.facts[fact]))


def _multiplier(step: Step, unit: str) -> str:
    return gettext(
        "%(campaign)s: points × %(factor)s on %(amount)s, %(points)s more",
        campaign=_name(step),
        factor=_factor(step),
        amount=format_money(int(step.facts["amount"]), unit=unit),
        points=format_points(step.points),
    )


def _bonus(step: Step, _unit: str) -> str:
    return gettext(
        "%(campaign)s: a bonus of %(points)s",
        campaign=_name(step),
        points=format_points(step.points),
    )


def _would_multiply(step: Step, unit: str) -> str:
    return gettext(
        "%(campaign)s: would multiply the points by %(factor)s on %(amount)s, %(points)s more",
        campaign=_name(step),
        factor=_factor(step),
        amount=format_money(int(step.facts["amount"]), unit=unit),
        points=format_points(step.points),
    )


def _would_bonus(step: Step, _unit: str) -> str:
    return gettext(
        "%(campaign)s: would add a bonus of %(points)s",
        campaign=_name(step),
        points=format_points(step.points),
    )


def _not_best(step: Step, _unit: str) -> str:
    return gettext(
        "%(campaign)s: not used, %(better)s gives more and only one multiplier counts",
        campaign=_name(step),
        better=_name(step, "better"),
    )


def _paused(step: Step, _unit: str) -> str:
    return gettext("%(campaign)s: not used, it does not run at the moment", campaign=_name(step))


def _exhausted(step: Step, _unit: str) -> str:
    return gettext("%(campaign)s: not used, its budget is used up", campaign=_name(step))


def _channel(step: Step, _unit: str) -> str:
    return gettext(
        "%(campaign)s: not used, it is for purchases in other places", campaign=_name(step)
    )


def _no_member(step: Step, _unit: str) -> str:
    return gettext(
        "%(campaign)s: for members of certain tiers only; name the member to see",
        campaign=_name(step),
    )


def _tier(step: Step, _unit: str) -> str:
    return gettext("%(campaign)s: not used, it is for another tier", campaign=_name(step))


def _below_minimum(step: Step, unit: str) -> str:
    return gettext(
        "%(campaign)s: not used, it counts from %(minimum)s on",
        campaign=_name(step),
        minimum=format_money(int(step.facts["minimum"]), unit=unit),
    )


def _category(step: Step, _unit: str) -> str:
    return gettext(
        "%(campaign)s: not used, nothing of %(categories)s was bought",
        campaign=_name(step),
        categories=_list(step, "categories"),
    )


def _cap_used(step: Step, _unit: str) -> str:
    cap = format_points(int(step.facts["cap"]))
    if step.facts["of"] == "day":
        return gettext(
            "%(campaign)s: not used, the %(cap)s of the day have been reached",
            campaign=_name(step),
            cap=cap,
        )
    return gettext(
        "%(campaign)s: not used, the %(cap)s that one person can have have been reached",
        campaign=_name(step),
        cap=cap,
    )


def _nothing(step: Step, _unit: str) -> str:
    return gettext("%(campaign)s: adds nothing to this purchase", campaign=_name(step))


def _capped(step: Step, _unit: str) -> str:
    facts: dict[str, Any] = {
        "campaign": _name(step),
        "cap": format_points(int(step.facts["cap"])),
        "cut": format_points(int(step.facts["cut"])),
    }
    if step.reason == "day":
        return gettext("%(campaign)s: at most %(cap)s a day, so %(cut)s less", **facts)
    return gettext("%(campaign)s: at most %(cap)s for each person, so %(cut)s less", **facts)


CAMPAIGN_WRITERS: Mapping[tuple[str, str], Callable[[Step, str], str]] = {
    ("campaign", "multiplier"): _multiplier,
    ("campaign", "bonus"): _bonus,
    ("campaign", "would_multiplier"): _would_multiply,
    ("campaign", "would_bonus"): _would_bonus,
    ("campaign", "not_best"): _not_best,
    ("campaign", "paused"): _paused,
    ("campaign", "exhausted"): _exhausted,
    ("campaign", "channel"): _channel,
    ("campaign", "no_member"): _no_member,
    ("campaign", "tier"): _tier,
    ("campaign", "below_minimum"): _below_minimum,
    ("campaign", "category"): _category,
    ("campaign", "cap_used"): _cap_used,
    ("campaign", "nothing"): _nothing,
    ("campaign_cap", "person"): _capped,
    ("campaign_cap", "day"): _capped,
}
