"""The oracle's obligations and positions in the words of the product's command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from tests.scenarios.oracle.money import Obligation, Position

Row = tuple[str, str, str, int, int]
"""Payer, payee, kind, points, amount."""

KINDS = {
    "redemption_margin": "margin",
    "redeposit_margin": "margin_return",
    "redemption_vat": "vat",
    "redeposit_vat": "vat_return",
    "redemption_acceptance_vat": "acceptance_vat",
    "redeposit_acceptance_vat": "acceptance_vat_return",
}


def expected_rows(found: Iterable[Obligation]) -> dict[date, Counter[Row]]:
    """Return the obligations of each day as the product names them."""
    rows: dict[date, Counter[Row]] = {}
    for each in found:
        kind = KINDS.get(each.kind, each.kind)
        row = (each.payer, each.payee, kind, each.points, each.amount)
        rows.setdefault(each.business_date, Counter())[row] += 1
    return rows


def stated_rows(obligations: Iterable[Mapping[str, Any]]) -> Counter[Row]:
    """Return the obligations that the product printed as JSON."""
    return Counter(
        (row["issuer"], row["acceptor"], row["kind"], row["points"], row["amount"])
        for row in obligations
    )


def differences(
    *,
    obligations: Iterable[Mapping[str, Any]],
    positions: Iterable[Mapping[str, Any]],
    expected: Counter[Row],
    nets: Mapping[str, Position],
) -> list[str]:
    """Return the obligations and positions of a day that are on one side only, or differ."""
    stated = stated_rows(obligations)
    found = {row["merchant"]: row["net"] for row in positions if row["net"]}
    wanted = {name: each.net for name, each in nets.items() if each.net}
    wrong = [f"the product alone owes {row}" for row in (stated - expected).elements()]
    wrong += [f"the oracle alone owes {row}" for row in (expected - stated).elements()]
    wrong += [f"the product alone nets {each}" for each in sorted(found.items() - wanted.items())]
    wrong += [f"the oracle alone nets {each}" for each in sorted(wanted.items() - found.items())]
    if sum(found.values()):
        wrong.append(f"the nets sum to {sum(found.values())}")
    return wrong
