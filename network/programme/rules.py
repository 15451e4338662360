"""What a purchase earns: pure, exact, and explained.

The order is fixed: minimum → base and category rates → rounding (floor, once per line) → pending
period → expiry. A line of a category that has a rate of its own earns that rate instead of the
base rate. What a purchase earns from is what was really paid for it in money; the caller has
taken off tax, shipping and the part that was paid with points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from network.errors import PeyvandError
from network.points import MAX_AMOUNT

MAX_LINES = 1000
"""The most lines that one purchase may have."""


class AmountOutOfRangeError(PeyvandError):
    """An amount is not a whole number of minor units that a purchase can have."""

    code = "amount_out_of_range"


class LinesDoNotSumError(PeyvandError):
    """The lines of a purchase do not add up to its amount; ``facts`` has both figures."""

    code = "lines_do_not_sum"


class TooManyLinesError(PeyvandError):
    """A purchase has more lines than one entry can explain."""

    code = "too_many_lines"


class EarnedOutOfRangeError(PeyvandError):
    """A purchase would earn more points than a wallet can count."""

    code = "points_out_of_range"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a basket; ``amount`` is what was paid for all of ``quantity``, minor units."""

    amount: int
    category: str | None = None
    sku: str | None = None
    quantity: Decimal | int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What was paid in money; without lines it counts as one line of no category."""

    amount: int
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningTerms:
    """What purchases at a merchant earn from a day on; rates are points per minor unit.

    Points earned on day d can be spent from d + ``pending_days`` on and lapse at the start of
    d + ``pending_days`` + ``expiry_days``, the first day on which they cannot be used.
    """

    earning_terms_id: UUID
    merchant_id: UUID
    effective_from: date
    base_rate: Fraction
    category_rates: Mapping[str, Fraction] = field(default_factory=dict)
    pending_days: int
    expiry_days: int
    minimum_amount: int = 0
    ratios: Mapping[str | None, tuple[int, int]] = field(init=False, repr=False, compare=False)
    """Points and minor units of each rate, the base rate's under None: read for every line."""

    def __post_init__(self) -> None:
        rates: dict[str | None, Fraction] = {None: self.base_rate}
        rates.update(self.category_rates)
        ratios = {name: (rate.numerator, rate.denominator) for name, rate in rates.items()}
        object.__setattr__(self, "ratios", ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule's part in a result: whether it fired, what it gave, and why.

    ``rule`` and ``reason`` are stable codes, ``facts`` plain JSON values (rates as ``"n/d"``,
    days in ISO 8601); ``programme.explain`` puts them into words.
    """

    rule: str
    fired: bool
    points: int = 0
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePoints:
    """What one line earned; ``line`` is its position in the purchase, from 0."""

    line: int
    category: str | None
    amount: int
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a purchase earns, line by line, with the reasons.

    ``active_from`` is the first day on which the points can be spent, ``expires_on`` the first on
    which they no longer can.
    """

    points: int
    lines: tuple[LinePoints, ...]
    state: Literal["available", "pending"]
    active_from: date
    expires_on: date
    explanation: tuple[Step, ...]


def price_purchase(*, purchase: Purchase, terms: EarningTerms, day: date) -> Quote:
    """Return what ``purchase`` earns on ``day`` (the business day that it is posted in).

    Raises AmountOutOfRangeError, TooManyLinesError, LinesDoNotSumError or EarnedOutOfRangeError.
    """
    lines = _checked_lines(purchase)
    reached = purchase.amount >= terms.minimum_amount
    earned, rounded = _earned(lines, terms, reached=reached)
    points = sum(line.points for line in earned)
    if points > MAX_AMOUNT:
        raise EarnedOutOfRangeError("a purchase cannot earn that many points", field="amount")
    active_from = day + timedelta(days=terms.pending_days)
    expires_on = active_from + timedelta(days=terms.expiry_days)
    steps = _minimum_steps(purchase, terms)
    if reached:
        steps += _rate_steps(earned, terms, with_lines=bool(purchase.lines))
        steps.append(_rounding_step(rounded))
    else:
        steps.append(Step(rule="base", fired=False, reason="below_minimum"))
    if points:
        steps += time_steps(terms, active_from=active_from, expires_on=expires_on)
    return Quote(
        points=points,
        lines=earned,
        state="pending" if points and terms.pending_days else "available",
        active_from=active_from,
        expires_on=expires_on,
        explanation=tuple(steps),
    )


def _checked_lines(purchase: Purchase) -> tuple[Line, ...]:
    _check_amount(purchase.amount, least=1, field_name="amount")
    if not purchase.lines:
        return (Line(amount=purchase.amount),)
    if len(purchase.lines) > MAX_LINES:
        raise TooManyLinesError(f"a purchase has at most {MAX_LINES} lines", field="lines")
    total = 0
    for position, line in enumerate(purchase.lines):
        if line.amount.__class__ is not int or not 0 <= line.amount <= MAX_AMOUNT:
            _check_amount(line.amount, least=0, field_name=f"lines.{position}.amount")
        total += line.amount
    if total != purchase.amount:
        raise LinesDoNotSumError(
            "the lines do not add up to the amount",
            field="lines",
            facts={"amount": purchase.amount, "lines": total},
        )
    return purchase.lines


def _check_amount(amount: object, *, least: int, field_name: str) -> None:
    if not isinstance(amount, int) or isinstance(amount, bool) or not least <= amount <= MAX_AMOUNT:
        raise AmountOutOfRangeError(
            f"an amount is a whole number of minor units from {least} to {MAX_AMOUNT}",
            field=field_name,
        )


def rate_of(line: Line, terms: EarningTerms) -> Fraction:
    """Return the points per minor unit that a line earns by its shop's own terms."""
    if line.category is None:
        return terms.base_rate
    return terms.category_rates.get(line.category, terms.base_rate)


def _earned(
    lines: tuple[Line, ...], terms: EarningTerms, *, reached: bool
) -> tuple[tuple[LinePoints, ...], list[int]]:
    """Return what each line earns, and the places of those whose points were rounded.

    Whole numbers throughout: a product of fractions is reduced first, which takes longer than all
    the rest of a line.
    """
    ratios, base = terms.ratios, terms.ratios[None]
    earned, rounded = [], []
    for place, line in enumerate(lines):
        points, rest = 0, 0
        if reached:
            numerator, denominator = ratios.get(line.category, base)
            points, rest = divmod(line.amount * numerator, denominator)
        if rest:
            rounded.append(place)
        earned.append(
            LinePoints(line=place, category=line.category, amount=line.amount, points=points)
        )
    return tuple(earned), rounded


def _minimum_steps(purchase: Purchase, terms: EarningTerms) -> list[Step]:
    if terms.minimum_amount == 0:
        return []
    missing = max(terms.minimum_amount - purchase.amount, 0)
    return [
        Step(
            rule="minimum",
            fired=missing > 0,
            reason="not_reached" if missing else "reached",
            facts={"minimum": terms.minimum_amount, "missing": missing},
        )
    ]


def _rate_steps(
    earned: tuple[LinePoints, ...], terms: EarningTerms, *, with_lines: bool
) -> list[Step]:
    by_category: dict[str | None, list[LinePoints]] = {}
    for line in earned:
        own = line.category if line.category in terms.category_rates else None
        by_category.setdefault(own, []).append(line)
    plain = by_category.pop(None, [])
    steps = (
        [_rate_step("base", plain, terms.base_rate)]
        if plain
        else [Step(rule="base", fired=False, reason="categories_cover_all")]
    )
    for category in sorted(name for name in by_category if name is not None):
        lines = by_category[category]
        steps.append(_rate_step("category", lines, terms.category_rates[category], category))
    unused = sorted(name for name in terms.category_rates if name not in by_category)
    if unused:
        reason = "nothing_of_these" if with_lines else "no_lines_sent"
        steps.append(
            Step(rule="category", fired=False, reason=reason, facts={"categories": unused})
        )
    return steps


def _rate_step(
    rule: str, lines: list[LinePoints], rate: Fraction, category: str | None = None
) -> Step:
    facts: dict[str, Any] = {
        "rate": f"{rate.numerator}/{rate.denominator}",
        "amount": sum(line.amount for line in lines),
        "lines": [line.line for line in lines],
    }
    if category is not None:
        facts["category"] = category
    return Step(
        rule=rule,
        fired=True,
        points=sum(line.points for line in lines),
        reason="rate" if rate else "earns_nothing",
        facts=facts,
    )


def _rounding_step(rounded: list[int]) -> Step:
    return Step(
        rule="rounding",
        fired=bool(rounded),
        reason="floor_per_line" if rounded else "nothing_to_round",
        facts={"lines": rounded} if rounded else {},
    )


def time_steps(terms: EarningTerms, *, active_from: date, expires_on: date) -> tuple[Step, ...]:
    """Return the steps that say from when on points can be spent, and until when."""
    return _time_steps(terms.pending_days, terms.expiry_days, active_from, expires_on)


@lru_cache(maxsize=1024)
def _time_steps(
    pending_days: int, expiry_days: int, active_from: date, expires_on: date
) -> tuple[Step, ...]:
    """Return the same steps for all purchases of a day by the same terms."""
    return (
        Step(
            rule="pending",
            fired=pending_days > 0,
            reason="waits" if pending_days else "at_once",
            facts={"days": pending_days, "active_from": active_from.isoformat()},
        ),
        Step(
            rule="expiry",
            fired=True,
            reason="lapses",
            facts={"days": expiry_days, "expires_on": expires_on.isoformat()},
        ),
    )
