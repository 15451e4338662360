"""Merchants that pay each other: decided, handed out, confirmed or given up by two people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from network.clearing import queries as clearing
from network.clearing.facts import Totals
from network.clock import wall_now
from network.database.connection import Database
from network.exposure import measuring
from network.exposure import queries as exposure
from network.ledger.values import Evidence
from network.money import audit, receipts, service
from network.money import queries as money
from network.money.direct import (
    DirectPaymentError,
    PaymentModeError,
    directs,
    handed_out,
)
from network.money.facts import DirectView
from network.money.paying import under_way
from network.operators.errors import ProposalError
from network.operators.proposals import Proposal
from network.services import Services
from network.vault import Vault
from settlement import defaults, second_person
from tests.fixtures.programme import Programme
from tests.integration.settlement.bank import HOUSE_IBAN
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    IBANS,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.pictures import settle

ANNA, BEHNAM = uuid4(), uuid4()
FOURTH_DAY = THIRD_DAY + timedelta(days=1)


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition with two accounts, on its first day."""
    made = Coalition(owner=owner_database, programme=programme, accounts=IBANS)
    made.found(vault=vault)
    return made


def approve(services: Services, proposal: Proposal, *, by: UUID = BEHNAM) -> None:
    with services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=by, now=wall_now())


def decide(services: Services, mode: str, *, since_days: int) -> Proposal:
    with services.database.unit_of_work() as session:
        return second_person.propose_mode(
            session,
            mode=mode,
            effective_from=DAY + timedelta(days=since_days),
            reason="agreed by all",
            by=ANNA,
            now=wall_now(),
        )


def answer(services: Services, found: DirectView, *, arrived: bool) -> Proposal:
    with services.database.unit_of_work() as session:
        return second_person.propose_direct_answer(
            session,
            direct_payment_id=found.fact.direct_payment_id,
            arrived=arrived,
            reason="the payee says so",
            by=ANNA,
            now=wall_now(),
        )


def of_day(services: Services, offset: int) -> tuple[list[DirectView], dict[UUID, int], UUID]:
    """Return a day's direct payments, payments with the network (signed), and its window."""
    with services.database.reading() as session:
        window = clearing.window_of(session, business_date=DAY + timedelta(days=offset))
        assert window is not None
        return (
            directs(session, window_id=window.window_id),
            {
                each.fact.merchant_id: each.fact.signed_amount
                for each in money.payments(session, window_id=window.window_id)
            },
            window.window_id,
        )


def totals(services: Services, offset: int) -> dict[UUID, Totals]:
    with services.database.reading() as session:
        window = clearing.window_of(session, business_date=DAY + timedelta(days=offset))
        assert window is not None
        return {
            each.merchant.party_id: each.totals
            for each in clearing.statements(session, window=window)
        }


def still_to_pay(services: Services, *, end_day: date) -> dict[tuple[UUID, str], int]:
    """Return what is under way as of a day's end, from windows before that day."""
    with services.database.reading() as session:
        return under_way(session, first_day=end_day - timedelta(days=1), end_day=end_day)


def release(services: Services, window_id: UUID) -> None:
    with services.database.unit_of_work() as session:
        seen = money.release_totals(session, window_id=window_id)
        service.propose_release(session, window_id=window_id, totals=seen, by=ANNA, now=wall_now())
    with services.database.unit_of_work() as session:
        service.approve_release(session, window_id=window_id, by=BEHNAM, now=wall_now())


def test_the_mode_is_decided_by_two_for_days_to_come(
    coalition: Coalition, services: Services
) -> None:
    for mode, since_days, reason in (("direct", 0, "too_early"), ("barter", 1, "unknown")):
        with pytest.raises(PaymentModeError) as refused:
            decide(services, mode, since_days=since_days)
        assert refused.value.reason == reason
    waiting = decide(services, "direct", since_days=1)
    with pytest.raises(ProposalError):
        approve(services, waiting, by=ANNA)
    approve(services, waiting)
    approve(services, decide(services, "hub", since_days=2))
    coalition.play_two_days()
    coalition.taken(5, by=member(3), issuer=GROCER, acceptor=BAKER, on=THIRD_DAY)
    coalition.programme.move(coalition.at(FOURTH_DAY))
    settle(services, THIRD_DAY)
    assert [len(of_day(services, day)[0]) for day in range(3)] == [0, 1, 0]
    assert settle(services, NEXT_DAY).replayed


def test_merchants_pay_each_other_and_the_network_takes_the_rest(
    coalition: Coalition, services: Services
) -> None:
    coalition.pay_directly(since=DAY)
    coalition.play_two_days()
    coalition.programme.move(coalition.at(THIRD_DAY))
    house = replace(services, settings=replace(services.settings, payment_iban=HOUSE_IBAN))
    settle(house, DAY)
    # Baker is owed 2827, the grocer owes 3185: it pays the baker, and the network its margin.
    ((paid,), rest, window_id) = of_day(house, 0)
    assert (paid.fact.payer_id, paid.fact.payee_id, paid.fact.amount) == (GROCER, BAKER, 2827)
    assert (paid.fact.iban, paid.state) == (IBANS[BAKER], "prepared")
    assert rest == {GROCER: -358}
    stated = totals(house, 0)
    assert (stated[BAKER].paid, stated[BAKER].closing) == (2827, 0)
    assert (stated[GROCER].paid, stated[GROCER].closing) == (-3185, 0)
    with pytest.raises(DirectPaymentError) as early:
        answer(house, paid, arrived=True)
    assert early.value.reason == "not_released"
    with house.database.reading() as session:
        seen = money.release_totals(session, window_id=window_id)
    assert (seen.payouts, seen.collections, seen.directs, seen.direct_total) == (0, 1, 1, 2827)
    with house.database.reading() as session:
        assert handed_out(session, window_id=window_id, merchant_id=GROCER) == []
    release(house, window_id)
    with house.database.reading() as session:
        lists = [
            handed_out(session, window_id=window_id, merchant_id=each)
            for each in (GROCER, BAKER, CINEMA)
        ]
    assert [[each.state for each in one] for one in lists] == [["released"], ["released"], []]

    # What has not arrived is owed still.
    with house.database.unit_of_work() as session:
        measuring.measure(session, now=wall_now())
        owing = exposure.exposure_of(session, merchant_id=GROCER)
    assert owing is not None
    assert owing.found.unsettled == 358 + 2827
    waiting = answer(house, paid, arrived=False)
    with pytest.raises(ProposalError):
        approve(house, waiting, by=ANNA)
    approve(house, waiting)
    with pytest.raises(DirectPaymentError) as twice:
        answer(house, paid, arrived=False)
    assert twice.value.reason == "answered"

    settle(house, NEXT_DAY)
    ((again,), rest, window_id) = of_day(house, 1)
    stated = totals(house, 1)
    # Baker: 2827 did not come, and −1010 of the day. Grocer: the same back, and 1175 of the day.
    assert (stated[BAKER].returned, stated[BAKER].paid) == (2827, 1817)
    assert (stated[GROCER].returned, stated[GROCER].paid) == (-2827, -1652)
    assert (again.fact.payer_id, again.fact.amount, rest) == (GROCER, 1652, {BAKER: 165})
    release(house, window_id)
    # What failed stands in the balance again; the collection of the first day has not arrived.
    assert still_to_pay(house, end_day=THIRD_DAY) == {(GROCER, "IRR"): 358}
    assert still_to_pay(house, end_day=FOURTH_DAY) == {(GROCER, "IRR"): 358 + 1652}
    # Here the payee says so itself, which takes nobody else.
    with house.database.unit_of_work() as session:
        receipts.say(
            session,
            direct_payment_id=again.fact.direct_payment_id,
            merchant_id=BAKER if again.fact.payee_id == BAKER else CINEMA,
            arrived=True,
            said_by="mk_live_1",
            evidence=Evidence(key_id="mk_live_1", signature_base=b"b", signature=b"s", body=b"{}"),
            wall=wall_now(),
        )
    with pytest.raises(DirectPaymentError):
        answer(house, again, arrived=False)
    assert still_to_pay(house, end_day=FOURTH_DAY) == {(GROCER, "IRR"): 358}
    ((confirmed,), _rest, _window) = of_day(house, 1)
    assert confirmed.state == "confirmed"

    # What did not arrive comes after all; and the grocer is stopped, so nobody waits for it again.
    approve(house, answer(house, paid, arrived=True))
    assert still_to_pay(house, end_day=FOURTH_DAY) == {(GROCER, "IRR"): 358}
    with house.database.unit_of_work() as session:
        stop = defaults.propose_suspension(
            session, merchant_id=GROCER, wanted=True, reason="unpaid", by=ANNA, now=wall_now()
        )
    approve(house, stop)
    coalition.taken(9, by=member(3), issuer=GROCER, acceptor=BAKER, on=THIRD_DAY)
    coalition.programme.move(coalition.at(FOURTH_DAY))
    settle(house, THIRD_DAY)
    found, rest, _window = of_day(house, 2)
    stated = totals(house, 2)
    assert (stated[BAKER].returned, stated[GROCER].returned) == (-2827, 2827)
    assert (stated[BAKER].opening, stated[BAKER].net) == (0, 9 * 1089)
    assert (found, rest) == ([], {BAKER: 9 * 1089 - 2827})
    debt = 2827 + stated[GROCER].net
    assert debt < 0
    assert (stated[GROCER].paid, stated[GROCER].closing) == (0, debt)
    assert stated[GROCER].carried == "default"
    with house.database.snapshot() as session:
        wrong = [check for check in audit.checks(session) if check.differences]
        clearing_balance = sum(money.balances(session, account="clearing").values())
    # The coalition's postings are written by hand, without lots and wallets.
    assert {check.name for check in wrong} == {
        "day_figures_match_wallets",
        "outstanding_matches_lots",
    }
    assert clearing_balance == -358 + 165 + 9 * 1089 - 2827
