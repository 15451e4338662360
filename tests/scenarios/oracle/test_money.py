"""The oracle's money, worked out by hand, with the coalition of `test_points`.

Acceptors get the face value of 1,000 less their fee: the bakery 960, the grocer 975 and from 8
January 977.5, the chemist 970 per point.
"""

from datetime import date
from fractions import Fraction

import pytest

from tests.scenarios.oracle.money import NETWORK, Obligation, by_pair, half_even
from tests.scenarios.oracle.test_points import earn, play, request


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("0.5", 0), ("1.5", 2), ("2.5", 2), ("2.51", 3), ("-0.5", 0), ("-1.5", -2), ("-2.4", -2)],
)
def test_halves_go_to_the_even_neighbour(value: str, rounded: int) -> None:
    assert half_even(Fraction(value)) == rounded


def _amounts(found: list[Obligation]) -> dict[tuple[int, str, str, str], tuple[int, int]]:
    return {
        (each.business_date.day, each.payer, each.payee, each.kind): (each.points, each.amount)
        for each in found
    }


def test_each_issuer_pays_the_acceptor_and_the_network() -> None:
    oracle, _ = play(
        earn(1, "grocer", "a", 10_000_000),
        earn(2, "bakery", "b", 1_350_000),
        request("redeem", 3, "chemist", "c", points=50),  # 30 of the bakery, 20 of the grocer
    )
    assert _amounts(oracle.obligations()) == {
        (3, "bakery", "chemist", "redemption"): (30, 29_100),  # 30 x 970
        # 30 x (950.1234567891 - 970) = -596.296296327
        (3, "bakery", NETWORK, "redemption_margin"): (30, -596),
        (3, "grocer", "chemist", "redemption"): (20, 19_400),  # 20 x 970
        (3, "grocer", NETWORK, "redemption_margin"): (20, 353),  # 20 x (987.65 - 970)
    }
    nets = {party: each.net for party, each in oracle.positions()[date(2026, 1, 3)].items()}
    assert nets == {
        "bakery": -28_504,  # -29,100 + 596
        "chemist": 48_500,  # 29,100 + 19,400
        "grocer": -19_753,  # -19,400 - 353
        NETWORK: -243,  # 353 - 596
    }
    assert sum(nets.values()) == 0


def test_a_days_points_are_added_up_before_they_are_priced() -> None:
    oracle, _ = play(
        earn(8, "bakery", "a", 450_000),
        request("redeem", 8, "grocer", "b", points=1),
        request("redeem", 8, "grocer", "c", points=2),
    )
    # 3 x 977.5 = 2,932.5 -> 2,932; priced one by one it would be 978 + 1,955 = 2,933
    assert by_pair(oracle.obligations()) == {(date(2026, 1, 8), "bakery", "grocer"): (3, 2_932)}


def test_points_back_are_priced_as_they_were_taken() -> None:
    oracle, _ = play(
        earn(1, "bakery", "a", 450_000),  # 10
        request("redeem", 2, "grocer", "b", points=10),
        request("refund_redeem", 9, "grocer", "c", original_ref="b", amount=3_500),
    )
    amounts = _amounts(oracle.obligations())
    # 3,500 / 1,000 -> 4 points; 4 x 975, not 4 x 977.5
    assert amounts[9, "bakery", "grocer", "redeposit"] == (-4, -3_900)
    # -4 x (950.1234567891 - 975) = 99.5061728436
    assert amounts[9, "bakery", NETWORK, "redeposit_margin"] == (-4, 100)


def test_points_of_different_terms_are_separate_obligations() -> None:
    oracle, _ = play(
        earn(7, "grocer", "a", 300_000),  # 3 at 987.65
        earn(8, "grocer", "b", 400_000),  # 5 at 991.23
        request("redeem", 8, "chemist", "c", points=8),
    )
    margins = {
        each.issuer_terms: each.amount
        for each in oracle.obligations()
        if each.kind == "redemption_margin"
    }
    # 3 x 17.65 = 52.95 and 5 x 21.23 = 106.15
    assert margins == {"grocer-1": 53, "grocer-2": 106}


def test_own_points_cost_a_merchant_only_the_margin() -> None:
    oracle, _ = play(
        earn(1, "grocer", "a", 1_000_000), request("redeem", 1, "grocer", "b", points=10)
    )
    position = oracle.positions()[date(2026, 1, 1)]["grocer"]
    # 10 x 975 to itself; 10 x (987.65 - 975) = 126.5 -> 126 to the network
    assert (position.receivable, position.payable, position.net) == (9_750, 9_876, -126)
