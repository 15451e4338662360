"""The oracle's points, worked out by hand. Rates, days and prices are those of `COALITION`."""

from typing import Any

import pytest

from tests.scenarios.oracle.coalition import Coalition
from tests.scenarios.oracle.oracle import Oracle, points_for
from tests.scenarios.oracle.wallet import Balance, DisagreementError


def _terms(merchant: str, **changed: Any) -> dict[str, Any]:
    plain = {"id": f"{merchant}-1", "from": "2026-01-01", "category_rates": {}, "pending_days": 0}
    return {**plain, **changed}


COALITION = {
    "face_value": "1000",
    "redeposit_grace_days": 30,
    "partners": [
        {
            "merchant": "bakery",
            "terms": [
                _terms(
                    "bakery",
                    base_rate="1/45000",
                    category_rates={"BREAD": "1/50000"},
                    expiry_days=5,
                    price="950.1234567891",
                    fee="0.04",
                )
            ],
        },
        {
            "merchant": "grocer",
            "terms": [
                _terms(
                    "grocer", base_rate="1/100000", expiry_days=365, price="987.65", fee="0.025"
                ),
                _terms(
                    "grocer",
                    **{"id": "grocer-2", "from": "2026-01-08"},
                    base_rate="1/80000",
                    expiry_days=365,
                    price="991.23",
                    fee="0.0225",
                ),
            ],
        },
        {
            "merchant": "chemist",
            "terms": [
                _terms(
                    "chemist",
                    base_rate="1/50000",
                    pending_days=3,
                    expiry_days=270,
                    price="1012.5",
                    fee="0.03",
                )
            ],
        },
    ],
}


def play(*records: dict[str, Any]) -> tuple[Oracle, list[int]]:
    """Run records of member "m" with status 201, unless they say otherwise."""
    oracle = Oracle(Coalition(COALITION))
    return oracle, oracle.run({"member": "m", "status": 201, **record} for record in records)


def request(kind: str, day: int, merchant: str, reference: str, **facts: Any) -> dict[str, Any]:
    """Return a record of a day in January 2026; `reference` is its own or the original's."""
    name = "original_ref" if kind in {"capture", "void"} else "merchant_ref"
    plain = {"kind": kind, "business_date": f"2026-01-{day:02}", "merchant": merchant}
    return {**plain, name: reference, **facts}


def earn(day: int, merchant: str, reference: str, amount: int, **facts: Any) -> dict[str, Any]:
    return request("earn", day, merchant, reference, amount=amount, **facts)


def test_each_line_is_rounded_down_once() -> None:
    lines = [
        {"sku": "1", "category": "BREAD", "quantity": 1, "amount": 1_240_000},
        {"sku": "2", "category": "CAKES", "quantity": 1, "amount": 1_000_000},
    ]
    _, moved = play(earn(1, "bakery", "a", 2_240_000, lines=lines))
    # 1,240,000 / 50,000 = 24.8 -> 24 and 1,000,000 / 45,000 = 22.2 -> 22; not 47.02 -> 47
    assert moved == [46]


def test_lines_must_sum_to_the_amount() -> None:
    lines = [{"sku": "1", "category": "BREAD", "quantity": 1, "amount": 1_240_000}]
    with pytest.raises(DisagreementError):
        play(earn(1, "bakery", "a", 1_240_001, lines=lines))


def test_a_new_version_of_the_terms_counts_from_its_first_day() -> None:
    _, moved = play(earn(7, "grocer", "a", 4_000_000), earn(8, "grocer", "b", 4_000_000))
    # 4,000,000 / 100,000 = 40, then 4,000,000 / 80,000 = 50
    assert moved == [40, 50]


def test_pending_points_become_active_and_lapse_on_their_days() -> None:
    oracle, _ = play(earn(1, "chemist", "a", 500_000), earn(2, "bakery", "b", 450_000))
    oracle.advance_to(oracle.day.replace(day=8))  # type: ignore[union-attr]
    ends = {day.day: balances["m"] for day, balances in oracle.day_ends.items()}
    # 500,000 / 50,000 = 10 pending on days 1 to 3; 450,000 / 45,000 = 10 usable on days 2 to 6
    assert ends == {
        1: Balance(available=0, pending=10, held=0, debt=0),
        2: Balance(available=10, pending=10, held=0, debt=0),
        3: Balance(available=10, pending=10, held=0, debt=0),
        4: Balance(available=20, pending=0, held=0, debt=0),
        5: Balance(available=20, pending=0, held=0, debt=0),
        6: Balance(available=20, pending=0, held=0, debt=0),
        7: Balance(available=10, pending=0, held=0, debt=0),
    }


def test_an_amount_is_rounded_up_to_points() -> None:
    oracle, moved = play(
        earn(1, "grocer", "a", 1_000_000), request("redeem", 1, "bakery", "b", amount=5_001)
    )
    assert moved == [10, 6]  # 5,001 / 1,000 = 5.001 -> 6
    assert oracle.balance("m").available == 4
    assert points_for(5_000, oracle.coalition.face_value) == 5


def test_what_lapses_first_is_taken_first_and_comes_back_last() -> None:
    oracle, _ = play(
        earn(1, "grocer", "a", 10_000_000),  # 100 points until January 2027
        earn(2, "bakery", "b", 1_350_000),  # 30 points until 7 January
        request("redeem", 3, "chemist", "c", points=50),  # 30 of the bakery, 20 of the grocer
        request("refund_redeem", 4, "chemist", "d", original_ref="c", points=25),
    )
    grocer, bakery = oracle.wallets["m"].lots
    # backwards: all 20 of the grocer, then 5 of the bakery
    assert (grocer.remaining, grocer.redeemed) == (100, 0)
    assert (bakery.remaining, bakery.redeemed) == (5, 25)


def test_points_that_lapsed_meanwhile_come_back_for_a_grace_period() -> None:
    oracle, _ = play(
        earn(2, "bakery", "b", 1_350_000),
        request("redeem", 3, "chemist", "c", points=25),
        request("refund_redeem", 8, "chemist", "d", original_ref="c"),
    )
    parent, child = oracle.wallets["m"].lots
    # the 5 points left lapsed on 7 January, the 25 others travel to a lot of their own
    assert (parent.expired, parent.moved, parent.remaining) == (5, 25, 0)
    assert (child.remaining, child.terms_id) == (25, "bakery-1")
    assert child.expires_on.isoformat() == "2026-02-07"  # 8 January + 30 days
    assert all(lot.balanced() for lot in (parent, child))


def test_refunds_of_a_payment_are_rounded_once_over_all_of_them() -> None:
    _, moved = play(
        earn(2, "bakery", "b", 1_350_000),
        request("redeem", 3, "chemist", "c", points=25),
        *(
            request("refund_redeem", 4, "chemist", f"d{n}", original_ref="c", amount=amount)
            for n, amount in enumerate((500, 500, 500, 1_500))
        ),
    )
    assert moved[2:] == [1, 0, 1, 1]


def test_partial_refunds_add_up_exactly() -> None:
    def back(reference: str, amount: int) -> dict[str, Any]:
        return request("refund_earn", 2, "grocer", reference, original_ref="a", amount=amount)

    records = [
        earn(1, "grocer", "a", 1_000_000),  # 10 points
        back("r1", 333_333),  # floor(3.33333) = 3
        back("r2", 333_333),  # floor(6.66666) = 6, 3 more
        back("r3", 333_333),  # floor(9.99999) = 9, 3 more
        back("r4", 1),  # floor(10) = 10, 1 more
    ]
    oracle, moved = play(*records)
    assert moved == [10, 3, 3, 3, 1]
    assert oracle.balance("m") == Balance(available=0, pending=0, held=0, debt=0)
    with pytest.raises(DisagreementError):
        play(*records, back("r5", 1))


def test_refunds_by_lines_use_the_points_of_those_lines() -> None:
    lines = [
        {"sku": "1", "category": "BREAD", "quantity": 2, "amount": 1_240_000},  # 24 points
        {"sku": "2", "category": "CAKES", "quantity": 1, "amount": 1_000_000},  # 22 points
    ]
    half = [{"sku": "1", "category": "BREAD", "quantity": 1, "amount": 620_000}]
    _, moved = play(
        earn(1, "bakery", "a", 2_240_000, lines=lines),
        request("refund_earn", 1, "bakery", "r1", original_ref="a", amount=620_000, lines=half),
        request(
            "refund_earn", 1, "bakery", "r2", original_ref="a", amount=1_620_000,
            lines=[half[0], lines[1]],
        ),
    )  # fmt: skip
    # 24 x 620,000 / 1,240,000 = 12; then 24 - 12 = 12 of the same line and 22 of the other
    assert moved == [46, 12, 34]


def test_points_spent_before_a_refund_become_a_debt_with_their_issuer() -> None:
    oracle, _ = play(
        earn(1, "grocer", "a", 10_000_000),  # 100
        request("redeem", 1, "bakery", "b", points=100),
        request("refund_earn", 2, "grocer", "r", original_ref="a", amount=10_000_000),
        earn(2, "bakery", "c", 1_350_000),  # 30 of another issuer, not taken
        earn(3, "grocer", "d", 4_000_000),  # 40, all of them repay
    )
    assert oracle.balance("m") == Balance(available=30, pending=0, held=0, debt=60)
    assert oracle.balance("m").spendable == 0
    assert [lot.clawed_back for lot in oracle.wallets["m"].lots] == [0, 0, 40]
    with pytest.raises(DisagreementError):  # 30 are there, but 60 are owed
        oracle.apply(request("redeem", 3, "bakery", "e", points=1, member="m", status=201))


def test_a_refund_takes_the_earned_lot_first_then_what_lapses_first() -> None:
    oracle, _ = play(
        earn(2, "bakery", "a", 1_350_000),  # 30
        request("redeem", 3, "chemist", "b", points=25),
        request("refund_redeem", 8, "chemist", "c", original_ref="b"),  # 25 until 7 February
        earn(8, "bakery", "d", 450_000),  # 10 until 13 January
        request("redeem", 8, "chemist", "e", points=5),
        earn(9, "bakery", "f", 450_000),  # 10 until 14 January
        request("refund_earn", 9, "bakery", "g", original_ref="f", amount=45_000),  # 1
        request("refund_earn", 9, "bakery", "h", original_ref="d"),  # 10, of which 5 are left
    )
    _, child, spent, other = oracle.wallets["m"].lots
    assert [lot.clawed_back for lot in (child, spent, other)] == [0, 5, 6]


def test_points_released_from_a_hold_repay_a_debt() -> None:
    oracle, _ = play(
        earn(1, "grocer", "a", 10_000_000),  # 100
        request("authorise", 1, "bakery", "b", points=60),
        request("refund_earn", 1, "grocer", "r", original_ref="a"),  # 40 there, 60 owed
        request("void", 1, "bakery", "b"),
    )
    assert oracle.balance("m") == Balance(available=0, pending=0, held=0, debt=0)


def test_pending_points_are_not_taken() -> None:
    records = [earn(1, "chemist", "a", 500_000), earn(1, "grocer", "b", 1_000_000)]  # 10 and 10
    oracle, _ = play(*records, request("redeem", 1, "bakery", "c", points=10))
    assert oracle.balance("m") == Balance(available=0, pending=10, held=0, debt=0)
    with pytest.raises(DisagreementError):
        play(*records, request("redeem", 1, "bakery", "c", points=11))


def test_a_redeposit_repays_a_debt_too() -> None:
    oracle, _ = play(
        earn(1, "grocer", "a", 10_000_000),  # 100
        request("redeem", 1, "bakery", "b", points=60),
        request("refund_earn", 2, "grocer", "r", original_ref="a"),  # 40 there, 60 owed
        request("refund_redeem", 3, "bakery", "s", original_ref="b"),
    )
    assert oracle.balance("m") == Balance(available=0, pending=0, held=0, debt=0)
    assert oracle.wallets["m"].lots[0].clawed_back == 100


def test_pending_points_repay_when_they_become_active() -> None:
    oracle, _ = play(
        earn(1, "chemist", "a", 500_000),  # 10, active on 4 January
        request("redeem", 4, "bakery", "b", points=10),
        request("refund_earn", 4, "chemist", "r", original_ref="a"),
        earn(5, "chemist", "c", 750_000),  # 15, active on 8 January
        earn(8, "grocer", "d", 80_000),  # 1
    )
    assert oracle.balance("m") == Balance(available=6, pending=0, held=0, debt=0)


def test_pending_points_can_be_clawed_back() -> None:
    oracle, moved = play(
        earn(1, "chemist", "a", 500_000),
        request("refund_earn", 2, "chemist", "r", original_ref="a", amount=125_000),
    )
    assert moved == [10, 2]  # floor(10 x 125,000 / 500,000) = floor(2.5)
    assert oracle.balance("m") == Balance(available=0, pending=8, held=0, debt=0)


def test_a_hold_outlives_the_expiry_of_its_lot_but_not_its_void() -> None:
    held = [
        earn(2, "bakery", "a", 1_350_000),  # 30 until 7 January
        request("authorise", 6, "grocer", "h", points=30),
    ]
    taken, _ = play(*held, request("capture", 7, "grocer", "h", points=20))
    lot = taken.wallets["m"].lots[0]
    assert (lot.redeemed, lot.expired, lot.held) == (20, 10, 0)
    voided, _ = play(*held, request("void", 7, "grocer", "h"))
    lot = voided.wallets["m"].lots[0]
    assert (lot.redeemed, lot.expired, lot.held) == (0, 30, 0)


def test_refusals_and_replays_move_nothing() -> None:
    oracle, moved = play(
        earn(1, "grocer", "a", 1_000_000),
        earn(1, "grocer", "a", 1_000_000, replayed=True),
        request("redeem", 1, "bakery", "b", points=11, status=409),
    )
    assert moved == [10, 0, 0]
    assert oracle.balance("m").available == 10


def test_what_cannot_have_been_accepted_is_reported() -> None:
    bought = earn(1, "grocer", "a", 1_000_000)
    for impossible in (
        bought,
        request("redeem", 1, "bakery", "b", points=11),
        request("capture", 1, "bakery", "b"),
    ):
        with pytest.raises(DisagreementError):
            play(bought, impossible)
