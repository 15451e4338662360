"""From the fields of the programme's forms to exact values, and back to what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from network.ids import uuid7
from network.language import LazyText
from network.language import lazy_gettext as _l
from network.programme.rules import EarningTerms
from settlement.console.form_reader import FormReader, exact

PER = 100_000
"""Rates are typed and shown as points per so many rials."""

WRONG: Mapping[str, LazyText] = {
    "effective_from": _l("Give a day that has not begun; only the first may begin today."),
    "value": _l("Give an amount above zero, in rials."),
    "base_rate": _l("Give points per 100,000 rials, from zero on."),
    "category_rates": _l("Give a category and its points on each line, as: bread = 12.5"),
    "pending_days": _l("Give whole days, from 0 to 366."),
    "expiry_days": _l("Give whole days, from 1 to 3660."),
    "minimum_amount": _l("Give an amount in rials; 0 where there is no minimum."),
    "points": _l("Give whole points, from 0 to 1,000,000,000."),
    "rank": _l("Give a whole number above 0."),
}
TAKEN: LazyText = _l("Something else begins on that day already.")


@dataclass(slots=True)
class Reader(FormReader):
    """Reads the programme's forms."""

    WORDS = WRONG

    def rates(self, name: str = "category_rates") -> dict[str, Fraction]:
        """Return the rates that lines of ``category = points`` give, in points per rial."""
        found: dict[str, Fraction] = {}
        for line in self.form.get(name, "").splitlines():
            if not line.strip():
                continue
            category, equals, points = line.rpartition("=")
            rate = exact(points)
            category = " ".join(category.split())
            if not equals or not category or rate is None or category in found:
                self.refuse(name)
                continue
            found[category] = rate / PER
        return found

    def terms(self, *, merchant_id: UUID) -> EarningTerms | None:
        """Return a merchant's earning terms, None where something is wrong."""
        made = EarningTerms(
            earning_terms_id=uuid7(),
            merchant_id=merchant_id,
            effective_from=self.day("effective_from"),
            base_rate=self.exact("base_rate") / PER,
            category_rates=self.rates(),
            pending_days=self.whole("pending_days"),
            expiry_days=self.whole("expiry_days"),
            minimum_amount=self.whole("minimum_amount"),
        )
        return None if self.wrong else made
