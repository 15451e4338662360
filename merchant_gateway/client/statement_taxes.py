"""What a statement tells of VAT, held against its lines: base, rate, VAT per point and sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

_KINDS = frozenset({"vat", "vat_return", "acceptance_vat", "acceptance_vat_return"})
_TEN_PLACES = Decimal(1).scaleb(-10)
_DIGITS = 60
"""More than any price, rate and number of points have together."""


def check_taxes(
    statement: Mapping[str, Any], *, differs: Callable[[str, object, object], None]
) -> None:
    """Reckon a statement's ``taxes`` anew; ``differs`` takes each name, reckoned and stated figure.

    Of each tax the VAT per point and the base follow from its fee and rate; together they have to
    come to the points and amounts of the lines of VAT. A statement without ``taxes`` has none.
    """
    if "taxes" not in statement:
        return
    points: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    told_points: Counter[str] = Counter()
    told_amounts: Counter[str] = Counter()
    for line in statement["lines"]:
        if line["kind"] in _KINDS and line["direction"] in {"vat", "deposit"}:
            points[_name(line)] += line["points"]
            amounts[_name(line)] += line["amount"]
    with localcontext() as context:
        context.prec = _DIGITS
        for tax in statement["taxes"]:
            name, fee = _name(tax), Decimal(tax["fee"])
            price = (fee * Decimal(tax["rate"])).quantize(_TEN_PLACES, rounding=ROUND_HALF_EVEN)
            _hold(differs, f"{name}.price", price, tax["price"])
            _hold(differs, f"{name}.base", tax["points"] * fee, tax["base"])
            told_points[name] += tax["points"]
            told_amounts[name] += tax["amount"]
    for name in sorted({*points, *told_points}):
        differs(f"{name}.points", points[name], told_points[name])
        differs(f"{name}.amount", amounts[name], told_amounts[name])


def _hold(
    differs: Callable[[str, object, object], None], name: str, reckoned: Decimal, stated: str
) -> None:
    """Compare figures as numbers, and tell those that differ as they are written."""
    same = Decimal(stated) == reckoned
    differs(name, stated if same else f"{reckoned.normalize():f}", stated)


def _name(of: Mapping[str, Any]) -> str:
    return f"taxes.{of['direction']}.{of['kind']}.{of['price']}"
