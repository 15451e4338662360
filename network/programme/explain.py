"""Steps of an explanation as JSON, and in words that a member reads.

What is stored is codes and facts; the words are made when they are read, in the reader's language
and money unit. Stored steps live as long as the ledger, so a code that was once written keeps its
words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from network.language import (
    LOCALES,
    format_date,
    format_money,
    format_number,
    format_points,
    gettext,
    isolated,
    use_locale,
)
from network.programme.explain_campaigns import CAMPAIGN_WRITERS
from network.programme.explain_moves import MOVE_WRITERS
from network.programme.rules import Step


def to_json(step: Step) -> dict[str, Any]:
    """Return a step as plain JSON values: what the ledger keeps with an entry."""
    return {
        "rule": step.rule,
        "fired": step.fired,
        "points": step.points,
        "reason": step.reason,
        "facts": step.facts,
    }


def from_json(stored: Mapping[str, Any]) -> Step:
    """Return the step that ``to_json`` wrote."""
    return Step(
        rule=stored["rule"],
        fired=stored["fired"],
        points=stored["points"],
        reason=stored["reason"],
        facts=dict(stored["facts"]),
    )


def explanation_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return a whole explanation as plain JSON values."""
    return [to_json(step) for step in steps]


def explained(stored: Iterable[Mapping[str, Any]], *, unit: str = "rial") -> list[dict[str, Any]]:
    """Return stored steps with their words beside them, one field per language (fa, en)."""
    return [
        {**step, **{locale: words(from_json(step), locale, unit=unit) for locale in LOCALES}}
        for step in stored
    ]


def words(step: Step, locale: str, *, unit: str = "rial") -> str:
    """Return one step as a sentence in ``locale``, with amounts in ``unit`` (rial or toman)."""
    writer = _WRITERS.get((step.rule, step.reason))
    with use_locale(locale):
        return writer(step, unit) if writer else f"{step.rule}: {step.reason}"


def is_note(step: Step) -> bool:
    """Return whether a step that did not fire says how things stand, not that a rule was unused."""
    return not step.fired and (step.rule, step.reason) in _NOTES


def _money(step: Step, fact: str, unit: str) -> str:
    return format_money(int(step.facts[fact]), unit=unit)


def _rate(step: Step, unit: str) -> str:
    rate = Fraction(step.facts["rate"])
    return gettext(
        "%(points)s per %(money)s",
        points=format_points(rate.numerator),
        money=format_money(rate.denominator, unit=unit),
    )


def _earned(step: Step) -> str:
    """Return the points of a rate; where rounding took some away, that it did, and how often.

    Each line is rounded by itself, so the points may be fewer than the rate times the amount.
    """
    points = format_points(step.points)
    lines = len(step.facts.get("lines", ()))
    if Fraction(step.facts["rate"]) * int(step.facts["amount"]) == step.points:
        return points
    if lines > 1:
        return gettext(
            "%(points)s, each of the %(lines)s lines rounded down by itself",
            points=points,
            lines=format_number(lines),
        )
    return gettext("%(points)s, rounded down", points=points)


def _name(category: object) -> str:
    return isolated(category)


def _names(step: Step) -> str:
    return gettext(", ").join(_name(category) for category in step.facts["categories"])


def _minimum_not_reached(step: Step, unit: str) -> str:
    return gettext(
        "Purchases earn from %(minimum)s on; this one was %(missing)s short",
        minimum=_money(step, "minimum", unit),
        missing=_money(step, "missing", unit),
    )


def _minimum_reached(step: Step, unit: str) -> str:
    return gettext(
        "The purchase reached the minimum of %(minimum)s",
        minimum=_money(step, "minimum", unit),
    )


def _base(step: Step, unit: str) -> str:
    return gettext(
        "Base rate (%(rate)s) on %(amount)s: %(points)s",
        rate=_rate(step, unit),
        amount=_money(step, "amount", unit),
        points=_earned(step),
    )


def _base_nothing(step: Step, unit: str) -> str:
    return gettext(
        "Without a rate for their category, %(amount)s earn nothing here",
        amount=_money(step, "amount", unit),
    )


def _base_below_minimum(_step: Step, _unit: str) -> str:
    return gettext("Base rate: not used, the purchase was below the minimum")


def _base_covered(_step: Step, _unit: str) -> str:
    return gettext("Base rate: not used, every line has the rate of its category")


def _category(step: Step, unit: str) -> str:
    return gettext(
        "Category %(category)s (%(rate)s) on %(amount)s: %(points)s",
        category=_name(step.facts["category"]),
        rate=_rate(step, unit),
        amount=_money(step, "amount", unit),
        points=_earned(step),
    )


def _category_nothing(step: Step, unit: str) -> str:
    return gettext(
        "Category %(category)s earns nothing here (%(amount)s)",
        category=_name(step.facts["category"]),
        amount=_money(step, "amount", unit),
    )


def _category_unused(step: Step, _unit: str) -> str:
    return gettext(
        "Rates by category (%(categories)s): not used, nothing of these was bought",
        categories=_names(step),
    )


def _category_no_lines(step: Step, _unit: str) -> str:
    return gettext(
        "Rates by category (%(categories)s): not used, the shop did not send the basket's lines",
        categories=_names(step),
    )


def _rounded(_step: Step, _unit: str) -> str:
    return gettext("Rounded down to whole points, line by line")


def _not_rounded(_step: Step, _unit: str) -> str:
    return gettext("Nothing had to be rounded")


def _waits(step: Step, _unit: str) -> str:
    return gettext(
        "Pending; can be spent from %(date)s",
        date=format_date(date.fromisoformat(step.facts["active_from"])),
    )


def _at_once(_step: Step, _unit: str) -> str:
    return gettext("Can be spent at once")


def _lapses(step: Step, _unit: str) -> str:
    last_day = date.fromisoformat(step.facts["expires_on"]) - timedelta(days=1)
    return gettext(
        "Valid for %(days)s days, until the end of %(date)s",
        days=format_number(int(step.facts["days"])),
        date=format_date(last_day),
    )


_NOTES = frozenset(
    {("minimum", "reached"), ("rounding", "nothing_to_round"), ("pending", "at_once")}
)

_WRITERS: Mapping[tuple[str, str], Callable[[Step, str], str]] = {
    **MOVE_WRITERS,
    ("minimum", "not_reached"): _minimum_not_reached,
    ("minimum", "reached"): _minimum_reached,
    ("base", "rate"): _base,
    ("base", "earns_nothing"): _base_nothing,
    ("base", "below_minimum"): _base_below_minimum,
    ("base", "categories_cover_all"): _base_covered,
    ("category", "rate"): _category,
    ("category", "earns_nothing"): _category_nothing,
    ("category", "nothing_of_these"): _category_unused,
    ("category", "no_lines_sent"): _category_no_lines,
    ("rounding", "floor_per_line"): _rounded,
    ("rounding", "nothing_to_round"): _not_rounded,
    ("pending", "waits"): _waits,
    ("pending", "at_once"): _at_once,
    ("expiry", "lapses"): _lapses,
    **CAMPAIGN_WRITERS,
}
