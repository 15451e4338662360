"""The estimate of breakage: experience of vintages that ran out, recognised as points are spent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from network.reports.breakage import estimate, experience
from network.reports.facts import TradeCell, Vintage
from network.reports.flows import balances


def vintage(
    month: int, *, redeemed: int, expired: int, outstanding: int, clawed_back: int = 0
) -> Vintage:
    return Vintage(
        month=date(2025, month, 1),
        granted=redeemed + expired + outstanding + clawed_back,
        clawed_back=clawed_back,
        redeemed=redeemed,
        expired=expired,
        outstanding=outstanding,
        owed=Decimal(0),
        run_out=outstanding == 0,
    )


def test_without_experience_nothing_is_expected() -> None:
    (found,) = estimate([vintage(1, redeemed=10, expired=0, outstanding=90)])
    assert (found.expected, found.recognised, found.to_come) == (None, None, None)
    assert experience([]) is None


def test_worked_out_by_hand() -> None:
    ended = [
        vintage(1, redeemed=800, expired=200, outstanding=0, clawed_back=50),
        vintage(2, redeemed=2_900, expired=100, outstanding=0),
    ]
    running = vintage(3, redeemed=370, expired=0, outstanding=630)
    assert experience([*ended, running]) == Fraction(300, 4_000)
    first, second, third = estimate([*ended, running])
    assert (first.expected, first.recognised) == (200, 200)
    assert second.to_come == 0
    # 7.5 % of 1,000 are expected to lapse; 370 of the other 925 are redeemed: 75 × 370 / 925 = 30.
    assert (third.expected, third.recognised, third.to_come) == (75, 30, 75)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
def test_never_less_than_lapsed_nor_more_than_can(
    redeemed: int, expired: int, outstanding: int, before: int
) -> None:
    ended = vintage(1, redeemed=10**6 - before, expired=before, outstanding=0)
    running = vintage(2, redeemed=redeemed, expired=expired, outstanding=outstanding)
    found = estimate([ended, running])[1]
    assert found.expected is not None
    assert found.recognised is not None
    assert expired <= found.recognised <= found.expected <= expired + outstanding
    once_spent = replace(running, redeemed=redeemed + outstanding, outstanding=0, run_out=True)
    assert estimate([ended, once_spent])[1].expected == expired


def test_trade_adds_up_to_nothing() -> None:
    one, two, three = (UUID(int=number) for number in (1, 2, 3))
    cells = [
        TradeCell(issuer_id=one, acceptor_id=two, points=7, amount=700),
        TradeCell(issuer_id=two, acceptor_id=one, points=2, amount=190),
        TradeCell(issuer_id=three, acceptor_id=one, points=1, amount=100),
        TradeCell(issuer_id=one, acceptor_id=one, points=5, amount=500),
    ]
    found = {each.merchant_id: each for each in balances(cells)}
    assert {key: each.balance for key, each in found.items()} == {
        one: 290 - 700,
        two: 700 - 190,
        three: -100,
    }
    assert (found[one].own_points, found[one].spent_points) == (5, 7)
