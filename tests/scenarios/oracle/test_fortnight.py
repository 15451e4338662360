"""The demo's script played against the oracle: does the fortnight hold what it promises?"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any

import pytest

from config.demo.actions import Action, Earn, Enrol, Redeem, RefundEarn, Void
from config.demo.coalition import SPONSORS, as_json
from config.demo.purchases import Basket, load_baskets
from config.demo.record import as_record
from config.demo.script import DAYS, Player
from tests.scenarios.oracle.coalition import Coalition
from tests.scenarios.oracle.money import TAKEN, half_even, pool
from tests.scenarios.oracle.oracle import Oracle

FIRST_DAY = date(2026, 10, 1)


@dataclass
class Fortnight:
    """Everything that happened, and the oracle that accepted it."""

    oracle: Oracle
    baskets: tuple[Basket, ...]
    actions: list[Action] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    debts: list[int] = field(default_factory=list)

    def of(self, kind: type[Action]) -> list[Any]:
        return [action for action in self.actions if isinstance(action, kind)]


def play(*, lanes: int = 1) -> Fortnight:
    """Play all days, the households of each lane after each other's; the oracle is the gateway."""
    oracle = Oracle(Coalition(as_json(first_day=FIRST_DAY)))
    fortnight = Fortnight(oracle, load_baskets(first_day=FIRST_DAY))
    players = [
        Player(
            baskets=tuple(b for b in fortnight.baskets if b.household_id % lanes == lane),
            first_day=FIRST_DAY,
            balance=lambda member: oracle.balance(member).spendable,
        )
        for lane in range(lanes)
    ]
    for day in range(DAYS):
        today = FIRST_DAY.replace(day=FIRST_DAY.day + day)
        oracle.advance_to(today)
        for action in chain.from_iterable(player.actions(day) for player in players):
            fortnight.actions.append(action)
            if isinstance(action, Enrol):
                continue
            record = as_record(action, business_date=today, status=201)
            fortnight.records.append(record)
            oracle.apply(record)
            fortnight.debts.append(oracle.balance(action.member).debt)
    oracle.advance_to(FIRST_DAY.replace(day=FIRST_DAY.day + DAYS))
    return fortnight


@pytest.fixture(scope="module")
def fortnight() -> Fortnight:
    return play()


def _lots(fortnight: Fortnight) -> Iterable[Any]:
    return (lot for wallet in fortnight.oracle.wallets.values() for lot in wallet.lots)


def test_the_same_seed_plays_the_same_fortnight_in_any_number_of_lanes(
    fortnight: Fortnight,
) -> None:
    again = play(lanes=5)
    assert again.actions != fortnight.actions  # another order
    assert sorted(again.actions, key=repr) == sorted(fortnight.actions, key=repr)
    assert again.oracle.obligations() == fortnight.oracle.obligations()


def test_actions_come_in_order_and_purchases_in_opening_hours(fortnight: Fortnight) -> None:
    times = [action.occurred_at for action in fortnight.actions]
    assert times == sorted(times)
    assert all(7 <= basket.bought_at.hour < 23 for basket in fortnight.baskets)
    assert {moment.date().day for moment in times} == set(range(1, 1 + DAYS))


def test_every_member_enrols_once_before_anything_else(fortnight: Fortnight) -> None:
    enrolled: set[str] = set()
    for action in fortnight.actions:
        if isinstance(action, Enrol):
            assert action.member.key not in enrolled
            enrolled.add(action.member.key)
        else:
            assert action.member in enrolled
    assert len(enrolled) >= 200


def test_money_and_points_together_pay_every_purchase(fortnight: Fortnight) -> None:
    """What earns plus what points paid is the basket, to less than one point's worth."""
    paid: Counter[str] = Counter()
    for earn in fortnight.of(Earn):
        assert earn.amount == sum(line.amount for line in earn.lines)
        paid[earn.merchant_ref] += earn.amount
    for (_, reference), redemption in fortnight.oracle.redemptions.items():
        points = sum(taken.points for taken in redemption.taken)
        paid[reference.removesuffix("-p")] += points * 1_000
    for basket in fortnight.baskets:
        price = sum(part.amount for part in basket.parts)
        assert 0 <= paid[str(basket.basket_id)] - price < 1_000


def test_enough_baskets_are_paid_in_part_with_points(fortnight: Fortnight) -> None:
    assert 450 <= len(fortnight.baskets) <= 800
    captured = [each for each in fortnight.oracle.redemptions.values() if each.taken]
    assert len(captured) >= 0.05 * len(fortnight.baskets)


def test_every_kind_of_action_happens(fortnight: Fortnight) -> None:
    kinds = Counter(record["kind"] for record in fortnight.records)
    assert min(kinds.values()) >= 5
    assert set(kinds) == {
        "earn", "authorise", "capture", "void", "redeem", "refund_earn", "refund_redeem",
    }  # fmt: skip
    assert any(each.amount is None for each in fortnight.of(Redeem))
    assert any(each.points is None for each in fortnight.of(Redeem))
    refunds = fortnight.of(RefundEarn)
    assert any(refund.lines for refund in refunds)
    assert any(refund.merchant_ref.endswith("-r2") for refund in refunds)
    bases = {(each.merchant, each.merchant_ref): each.amount for each in fortnight.of(Earn)}
    whole = [bases[each.merchant, each.original_ref] == each.amount for each in refunds]
    assert any(whole)
    assert not all(whole)
    partial_captures = [each for each in fortnight.records if each["kind"] == "capture"]
    assert {"points" in each for each in partial_captures} == {True, False}
    assert fortnight.of(Void)


def test_points_wait_lapse_come_back_and_are_owed(fortnight: Fortnight) -> None:
    lots = list(_lots(fortnight))
    assert all(lot.balanced() for lot in lots)
    assert sum(lot.expired for lot in lots) > 0
    assert sum(lot.moved for lot in lots) > 0  # a refund found its lot lapsed
    assert max(fortnight.debts) > 0  # a refund found its points spent
    ends = fortnight.oracle.day_ends.values()
    assert all(sum(balance.pending for balance in end.values()) for end in ends)


def test_every_partner_issues_and_every_day_sums_to_zero(fortnight: Fortnight) -> None:
    # Without campaigns, as here, a sponsor gives nothing.
    merchants = set(fortnight.oracle.coalition.merchants) - {each.slug for each in SPONSORS}
    assert {lot.issuer for lot in _lots(fortnight)} == merchants
    assert len(merchants) >= 8
    for parties in fortnight.oracle.positions().values():
        assert sum(position.net for position in parties.values()) == 0


def test_obligations_keep_to_half_a_rial_and_to_the_points_taken(fortnight: Fortnight) -> None:
    found = fortnight.oracle.obligations()
    coalition = fortnight.oracle.coalition
    for each in found:
        if each.kind == "redemption":
            q = coalition.acceptor_price(each.acceptor, each.business_date)
            assert abs(each.amount - each.points * q) * 2 <= 1
    redeemed = sum(lot.redeemed for lot in _lots(fortnight))
    assert sum(each.points for each in found if each.kind in TAKEN) == redeemed


def test_the_pool_holds_what_its_points_cost(fortnight: Fortnight) -> None:
    found = fortnight.oracle.obligations()
    last = FIRST_DAY.replace(day=FIRST_DAY.day + DAYS)
    on_issue = {
        terms.id: terms.price
        for merchant in fortnight.oracle.coalition.merchants
        for day in range(DAYS)
        for terms in [
            fortnight.oracle.coalition.terms(merchant, FIRST_DAY.replace(day=FIRST_DAY.day + day))
        ]
        if terms.funding == "on_issue"
    }
    points = dict.fromkeys(on_issue, 0)
    for lot in _lots(fortnight):
        if lot.terms_id in points:
            points[lot.terms_id] += lot.remaining + lot.held
    assert len(on_issue) == 3
    assert min(points.values()) >= 0
    assert sum(points.values()) > 0
    assert pool(found, until=last) == sum(
        half_even(points[terms] * price) for terms, price in on_issue.items()
    )
    kinds = {each.kind for each in found}
    assert {"issuance", "clawback", "expiry", "rounding", "redemption_vat"} <= kinds
    assert "redemption_acceptance_vat" in kinds
    assert any(each.payer.endswith(":deposit") for each in found)
