"""Netting: written-out examples, and what must hold for any debts."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from network.clearing.parties import NETWORK_PARTY
from settlement.netting import Debt, bilateral, multilateral, positions

A, B, C = (UUID(int=number) for number in (1, 2, 3))

parties = st.sampled_from([A, B, C, UUID(int=4), NETWORK_PARTY])
debts = st.lists(
    st.builds(
        Debt,
        payer=parties,
        payee=parties,
        amount=st.integers(min_value=-(10**15), max_value=10**15),
        currency=st.sampled_from(["IRR", "EUR"]),
        fee=st.booleans(),
    ),
    max_size=40,
)


def owed(payer: UUID, payee: UUID, amount: int, *, fee: bool = False) -> Debt:
    return Debt(payer=payer, payee=payee, amount=amount, currency="IRR", fee=fee)


def nets(found: list[Debt]) -> dict[tuple[str, UUID], int]:
    return {(each.currency, each.party): each.net for each in positions(found) if each.net}


def test_a_written_out_day() -> None:
    # A owes B 900 and 100 to the network; B owes A 400, took back 50 of it, and gets 30 from the
    # network (a margin below zero). C took its own points: 70 from itself to itself, fee 5.
    day = [
        owed(A, B, 900),
        owed(A, NETWORK_PARTY, 100, fee=True),
        owed(B, A, 400),
        owed(B, A, -50),
        owed(B, NETWORK_PARTY, -30, fee=True),
        owed(C, C, 70),
        owed(C, NETWORK_PARTY, 5, fee=True),
    ]
    found = {each.party: each for each in positions(day)}
    assert (found[A].payable, found[A].receivable, found[A].fees) == (900, 350, 100)
    assert found[A].net == 350 - 900 - 100 == -650
    assert (found[B].payable, found[B].receivable, found[B].fees) == (350, 900, -30)
    assert found[B].net == 900 - 350 + 30 == 580
    assert found[C].net == 70 - 70 - 5 == -5
    assert found[NETWORK_PARTY].net == 100 - 30 + 5 == 75
    assert bilateral(day) == [
        owed(A, B, 900 - 350),
        owed(A, NETWORK_PARTY, 100),
        owed(C, NETWORK_PARTY, 5),
        owed(NETWORK_PARTY, B, 30),
    ]
    assert multilateral(day, centre=NETWORK_PARTY) == [
        owed(A, NETWORK_PARTY, 650),
        owed(NETWORK_PARTY, B, 580),
        owed(C, NETWORK_PARTY, 5),
    ]


def test_nothing_owed_is_nothing_to_pay() -> None:
    assert positions([]) == []
    assert bilateral([owed(A, B, 5), owed(B, A, 5)]) == []
    assert multilateral([owed(A, B, 5), owed(B, A, 5)], centre=NETWORK_PARTY) == []


@given(debts)
def test_nets_sum_to_zero_per_currency(found: list[Debt]) -> None:
    for currency in ("IRR", "EUR"):
        assert sum(each.net for each in positions(found) if each.currency == currency) == 0


@given(debts)
def test_bilateral_netting_keeps_nets_and_leaves_one_debt_per_pair(found: list[Debt]) -> None:
    netted = bilateral(found)
    assert nets(netted) == nets(found)
    assert all(each.amount > 0 and each.payer != each.payee for each in netted)
    pairs = [(each.currency, frozenset((each.payer, each.payee))) for each in netted]
    assert len(pairs) == len(set(pairs))


@given(debts)
def test_multilateral_netting_leaves_one_payment_per_party(found: list[Debt]) -> None:
    paid = multilateral(found, centre=NETWORK_PARTY)
    assert paid == multilateral(bilateral(found), centre=NETWORK_PARTY)
    assert nets(paid) == nets(found)
    who = [
        (each.currency, each.payer if each.payee == NETWORK_PARTY else each.payee) for each in paid
    ]
    assert len(who) == len(set(who))
    assert NETWORK_PARTY not in {party for _, party in who}
