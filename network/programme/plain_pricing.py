"""Plain purchases priced by the thousand: points and explanation at once, without steps between.

It says what ``rules.price_purchase`` says, word by word, of a purchase that reaches the minimum and
that no campaign touches; what it does not recognise is left to the rules, and a test holds the two
together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from network.lean import lean
from network.points import MAX_AMOUNT
from network.programme.explain import explanation_json
from network.programme.rules import MAX_LINES, EarningTerms, Step, time_steps

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_PLACES = [str(place) for place in range(MAX_LINES)]


@lean
@dataclass(frozen=True, slots=True)
class PlainQuote:
    """Points and bases line by line, and each step of the explanation as JSON.

    The JSON is written as the ledger keeps it; ``rounding`` is the place of that step.
    """

    points: list[int]
    bases: list[int]
    steps: list[str]
    rounding: int

    @property
    def explanation(self) -> str:
        """Return the whole explanation as JSON."""
        return f"[{','.join(self.steps)}]"


class PlainPricing:
    """Prices by one shop's terms what is posted on one day."""

    def __init__(self, *, terms: EarningTerms, day: date) -> None:
        self.minimum = terms.minimum_amount
        self._ratios = terms.ratios
        self._head = self._minimum_reached(terms.minimum_amount)
        self._rates = {name: _rate_words(name, ratio) for name, ratio in terms.ratios.items()}
        self._names = sorted(terms.category_rates)
        self._unused: dict[tuple[str | None, ...], list[str]] = {}
        self.active_from = day + timedelta(days=terms.pending_days)
        self.expires_on = self.active_from + timedelta(days=terms.expiry_days)
        self.tail = _written(
            time_steps(terms, active_from=self.active_from, expires_on=self.expires_on)
        )

    def price(self, *, amount: int, lines: Sequence[Mapping[str, Any]]) -> PlainQuote | None:
        """Return what a purchase earns, ``None`` where the rules must be asked.

        ``lines`` have a whole ``amount`` of minor units and perhaps a ``category``.
        """
        if not max(1, self.minimum) <= amount <= MAX_AMOUNT or len(lines) > MAX_LINES:
            return None
        bases = [line["amount"] for line in lines] if lines else [amount]
        if sum(bases) != amount or min(bases) < 0:
            return None
        ratios = self._ratios
        names = [line.get("category") for line in lines] if lines else [None]
        own = [name if name in ratios else None for name in names]
        points: list[int] = []
        rounded: list[str] = []
        for place, name in enumerate(own):
            numerator, denominator = ratios[name]
            given, rest = divmod(bases[place] * numerator, denominator)
            points.append(given)
            if rest:
                rounded.append(_PLACES[place])
        total = sum(points)
        if total > MAX_AMOUNT:
            return None
        steps = [*self._head, *self._rate_steps(own, points, bases)]
        steps += self._unused_step(own, with_lines=bool(lines))
        rounding = len(steps)
        steps.append(_rounded(rounded) if rounded else _NOTHING_ROUNDED)
        if total:
            steps += self.tail
        return PlainQuote(points, bases, steps, rounding)

    def ratio(self, category: str | None) -> tuple[int, int]:
        """Return points and minor units of the rate of a category."""
        return self._ratios.get(category) or self._ratios[None]

    def _rate_steps(
        self, own: list[str | None], points: list[int], bases: list[int]
    ) -> Iterable[str]:
        """Return the step of the base rate, then one for each category that was bought."""
        present = set(own)
        chosen: dict[str | None, Sequence[int]]
        if len(present) == 1:  # one rate for the whole basket, as mostly
            chosen = {own[0]: range(len(own))}
        else:
            chosen = {
                name: [place for place, each in enumerate(own) if each == name] for name in present
            }
        if None not in present:
            yield _COVERED
        for name in sorted(present, key=lambda each: (each is not None, each or "")):
            places = chosen[name]
            first, second, last = self._rates[name]
            yield (
                f"{first}{sum(points[place] for place in places)}"
                f"{second}{sum(bases[place] for place in places)}"
                f',"lines":[{",".join([_PLACES[place] for place in places])}]{last}'
            )

    def _unused_step(self, own: list[str | None], *, with_lines: bool) -> list[str]:
        """Return the step for rates by category of which nothing was bought, if there are any."""
        key = tuple(sorted({name for name in own if name is not None})) if with_lines else (None,)
        if key not in self._unused:
            left = [name for name in self._names if name not in key]
            reason = "nothing_of_these" if with_lines else "no_lines_sent"
            step = Step(rule="category", fired=False, reason=reason, facts={"categories": left})
            self._unused[key] = _written([step]) if left else []
        return self._unused[key]

    @staticmethod
    def _minimum_reached(minimum: int) -> list[str]:
        if minimum == 0:
            return []
        facts = {"minimum": minimum, "missing": 0}
        return _written([Step(rule="minimum", fired=False, reason="reached", facts=facts)])


def _written(steps: Iterable[Step]) -> list[str]:
    """Return each step as JSON."""
    return [_encode(step) for step in explanation_json(steps)]


def rounding_step(places: Sequence[int]) -> str:
    """Return the step that says which lines have no whole number of points."""
    return _rounded([_PLACES[place] for place in places]) if places else _NOTHING_ROUNDED


def _rounded(places: Iterable[str]) -> str:
    return (
        '{"rule":"rounding","fired":true,"points":0,"reason":"floor_per_line",'
        f'"facts":{{"lines":[{",".join(places)}]}}}}'
    )


def _rate_words(name: str | None, ratio: tuple[int, int]) -> tuple[str, str, str]:
    """Return what stands before the points of a rate's step, before its amount, and at its end."""
    rule = "base" if name is None else "category"
    last = "}}" if name is None else f',"category":{_encode(name)}}}}}'
    reason = "rate" if ratio[0] else "earns_nothing"
    return (
        f'{{"rule":"{rule}","fired":true,"points":',
        f',"reason":"{reason}","facts":{{"rate":"{ratio[0]}/{ratio[1]}","amount":',
        last,
    )


(_COVERED,) = _written([Step(rule="base", fired=False, reason="categories_cover_all")])
(_NOTHING_ROUNDED,) = _written([Step(rule="rounding", fired=False, reason="nothing_to_round")])
