"""What the replay of a year holds against each other, and the table that it prints."""

from __future__ import annotations

from collections import Counter
from datetime import date
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tests.scenarios.comparison import differences, expected_rows
from tests.scenarios.oracle.money import Obligation, Position, positions
from tests.scenarios.year import Month, Year, month_of, table

DAY = date(2026, 3, 22)


def owed(payer: str, payee: str, kind: str, points: int, amount: int) -> Obligation:
    return Obligation(DAY, payer, payee, kind, "grocer", "t", "t", points, amount)


FOUND = [
    owed("network:pool", "grocer", "redemption", 7, 6856),
    owed("network:pool", "network", "redemption_margin", 7, 217),
    owed("cinema", "network:vat", "redemption_vat", 7, 22),
    owed("cinema", "network:pool", "issuance", 10, 10105),
    owed("network:pool", "network:breakage", "expiry", 1, 1010),
    owed("network:rounding", "network:pool", "rounding", 0, -1),
]
NETS = {
    "cinema": -22 - 10105,
    "grocer": 6856,
    "network": 217,
    "network:breakage": 1010,
    "network:pool": 10105 - 6856 - 217 - 1010 - 1,
    "network:rounding": 1,
    "network:vat": 22,
}


def stated() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    kinds = {"redemption_margin": "margin", "redemption_vat": "vat"}
    obligations = [
        {
            "issuer": each.payer,
            "acceptor": each.payee,
            "kind": kinds.get(each.kind, each.kind),
            "points": each.points,
            "amount": each.amount,
        }
        for each in FOUND
    ]
    return obligations, [{"merchant": name, "net": net} for name, net in NETS.items()]


def compared(obligations: list[dict[str, Any]], nets: list[dict[str, Any]]) -> int:
    expected: Counter[Any] = expected_rows(FOUND)[DAY]
    wanted: dict[str, Position] = positions(FOUND)[DAY]
    return len(differences(obligations=obligations, positions=nets, expected=expected, nets=wanted))


def test_what_agrees_has_no_difference() -> None:
    assert compared(*stated()) == 0


@pytest.mark.parametrize("place", range(len(FOUND)))
def test_a_single_unit_is_found(place: int) -> None:
    obligations, nets = stated()
    obligations[place]["amount"] += 1
    assert compared(obligations, nets) == 2  # the stated one and the expected one
    obligations, nets = stated()
    nets[place]["net"] += 1
    assert compared(obligations, nets) == 3  # on either side, and the sum is off
    obligations, nets = stated()
    assert compared(obligations[:place] + obligations[place + 1 :], nets) == 1


def test_the_table_adds_its_months_up() -> None:
    month = month_of(FOUND)
    assert (month.taken, month.acceptors, month.margins, month.vat) == (7, 6856, 217, 22)
    assert (month.funded, month.lapsed, month.rounding) == (10105, 1010, -1)
    year = Year(
        months={"2026-03": month, "2026-04": Month(requests=5, acceptors=1, wrong=2)},
        pools={"2026-03": NETS["network:pool"], "2026-04": 0},
    )
    assert (year.total.acceptors, year.total.requests, year.total.wrong) == (6857, 5, 2)
    paper = StringIO()
    Console(width=200, file=paper).print(table(year))
    said = paper.getvalue()
    assert "6,857" in said
    assert f"{NETS['network:pool']:,}" in said
