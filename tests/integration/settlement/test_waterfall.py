"""An issuer that does not pay: its cover, the network's fund, then those who took its points."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.clearing import queries as clearing
from network.clearing.parties import MARGIN, NETWORK_PARTY
from network.clock import wall_now
from network.database.connection import Database
from network.exposure.losses import Claims, Part, claims_on, laid, shared
from network.exposure.waterfall import WaterfallError, fund_balance
from network.ledger.day import close_day
from network.money import audit
from network.money import queries as money
from network.money.today import UnpublishedError
from network.operators.errors import ProposalError
from network.operators.proposals import Proposal
from network.services import Services
from network.settings import CURRENCY
from network.vault import Vault
from settlement import second_person
from tests.fixtures.programme import Programme
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.defaulting import BEHNAM, Desk, collection, unpaid
from tests.integration.settlement.pictures import settle

OWED = st.dictionaries(
    st.integers(1, 40).map(lambda number: UUID(int=number)), st.integers(1, 10**12), min_size=1
)


@given(owed=OWED, part=st.fractions(0, 1))
def test_a_loss_is_shared_whole_and_nobody_bears_more_than_it_was_owed(
    owed: dict[UUID, int], part: Any
) -> None:
    loss = int(sum(owed.values()) * part)
    found = shared(loss, owed=owed)
    assert sum(found.values()) == loss
    assert all(0 < bears <= owed[who] for who, bears in found.items())
    for who, due in owed.items():
        assert abs(found.get(who, 0) - loss * due / sum(owed.values())) < 1 + due / 2**50
    assert shared(sum(owed.values()) + 1, owed=owed) == {}


@given(loss=st.integers(1, 10**6), windows=st.lists(st.tuples(st.integers(0, 9), OWED), min_size=1))
def test_the_network_bears_its_margin_first_and_an_older_window_only_what_newer_ones_left(
    loss: int, windows: list[tuple[int, dict[UUID, int]]]
) -> None:
    claims = [
        Claims(first_day=DAY - timedelta(days=number), network=network, acceptors=owed)
        for number, (network, owed) in enumerate(windows)
    ]
    parts = laid(loss, claims=claims)
    due = [network + sum(owed.values()) for network, owed in windows]
    assert sum(part.amount for part in parts) == (loss if loss <= sum(due) else 0)
    left = loss - min(loss, sum(network for network, _ in windows))
    for each in claims if parts else ():
        borne = {p.party_id: p.amount for p in parts if p.first_day == each.first_day}
        assert borne.pop(NETWORK_PARTY, 0) <= each.network
        assert all(part <= each.acceptors[who] for who, part in borne.items())
        assert sum(borne.values()) == min(left, sum(each.acceptors.values()))
        left -= sum(borne.values())


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition on its second day, where the grocer owes and will not pay."""
    return unpaid(owner_database, programme, vault)


def test_each_step_pays_what_the_one_before_could_not(
    coalition: Coalition, services: Services
) -> None:
    desk = Desk(services)
    settle(services, DAY)
    with services.database.reading() as session:
        (collected,) = money.payments(session, merchant_id=GROCER)
    owed = collected.fact.amount
    # 5 more points at 1000: 3185 + 5000.
    assert owed == 8185
    desk.do("cancellation", payment_id=collected.fact.payment_id)
    desk.cover("deposit", "received", 1000)
    desk.cover("reserve", "received", 500)
    assert desk.step() == (None, owed)
    assert desk.refused(step="fund", amount=1) == "not_stopped"
    desk.do("suspension", merchant_id=GROCER, wanted=True)
    assert desk.step() == ("deposit", owed)
    assert desk.refused(step="acceptors", amount=1) == "earlier_step"
    desk.cover("deposit", "drawn", 1000)
    desk.cover("reserve", "drawn", 500)

    with services.database.reading() as session:
        margin = money.balances(session, account=MARGIN.name)[NETWORK_PARTY, CURRENCY]
    with pytest.raises(WaterfallError) as not_there:
        desk.do("fund", act="allotted", amount=margin + 1)
    assert not_there.value.reason == "margin"
    desk.do("fund", act="allotted", amount=2000)
    desk.do("fund", act="returned", amount=500)
    with pytest.raises(WaterfallError) as too_much:
        desk.do("fund", act="returned", amount=1501)
    assert too_much.value.reason == "balance"
    assert desk.step() == ("fund", 6685)
    assert desk.refused(step="fund", amount=1501) == "balance"
    assert desk.refused(step="acceptors", amount=6685) == "earlier_step"
    desk.do("default", merchant_id=GROCER, step="fund", amount=1500)

    assert desk.step() == ("acceptors", 5185)
    assert desk.refused(step="acceptors", amount=5186) == "not_owed"
    with services.database.reading() as session:
        assert fund_balance(session) == 0
        # The baker took 10 of its points for 9900, the cinema 5 for 5000. The network's margin is
        # 10 on each of the baker's, 20.5 on each of the two that it took itself.
        assert claims_on(session, issuer_id=GROCER) == [
            Claims(first_day=DAY, network=141, acceptors={BAKER: 9900, CINEMA: 5000})
        ]
    proposal = desk.do("default", merchant_id=GROCER, step="acceptors", amount=5185)
    assert proposal.terms["shares"] == {
        str(NETWORK_PARTY): 141,
        str(BAKER): 3351,
        str(CINEMA): 1693,
    }
    assert desk.step() == (None, 0)
    with pytest.raises(ProposalError), services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())

    settle(services, NEXT_DAY)
    with services.database.snapshot() as session:
        window = clearing.window_of(session, business_date=NEXT_DAY)
        assert window is not None
        stated = {
            each.merchant.party_id: each.totals
            for each in clearing.statements(session, window=window)
        }
        wrong = {check.name for check in audit.checks(session) if check.differences}
    assert {who: each.returned for who, each in stated.items()} == {
        BAKER: -3351,
        CINEMA: -1693,
        GROCER: 0,
    }
    # What a stopped issuer is owed stays until two people let it give points again.
    kept = stated[GROCER]
    assert kept.closing > 0
    assert (kept.paid, kept.carried) == (0, "default")
    # The coalition's postings are written by hand, without lots and wallets.
    assert wrong == {"day_figures_match_wallets", "outstanding_matches_lots"}


def _parts(proposal: Proposal) -> list[Part]:
    return [Part.of_json(each) for each in proposal.terms["windows"]]


def test_a_second_loss_goes_on_where_the_first_ended_and_waits_for_the_night(
    coalition: Coalition, services: Services
) -> None:
    coalition.taken(6, by=member(3), issuer=GROCER, acceptor=CINEMA, on=NEXT_DAY)
    desk = Desk(services)
    settle(services, DAY)
    settle(services, NEXT_DAY)
    owed = 0
    for day in (DAY, NEXT_DAY):
        collected = collection(services, day)
        owed += collected.amount
        desk.do("cancellation", payment_id=collected.payment_id)
    desk.do("suspension", merchant_id=GROCER, wanted=True)
    assert desk.step() == ("acceptors", owed)
    # The newer window owes the cinema 6600; the network's margin is below zero over both.
    first = desk.do("default", merchant_id=GROCER, step="acceptors", amount=4000)
    assert _parts(first) == [Part(NEXT_DAY, CINEMA, 4000)]
    second = desk.do("default", merchant_id=GROCER, step="acceptors", amount=5000)
    assert _parts(second) == [
        Part(NEXT_DAY, CINEMA, 2600),
        # 2400 of 9900 and 5000.
        Part(DAY, BAKER, 1595),
        Part(DAY, CINEMA, 805),
    ]

    fourth = THIRD_DAY + timedelta(days=1)
    coalition.programme.move(coalition.at(fourth))
    close_day(services.database, now=coalition.at(fourth))
    with pytest.raises(UnpublishedError):
        desk.do("default", merchant_id=GROCER, step="acceptors", amount=1)
    desk.cover("deposit", "received", 10)
    with pytest.raises(UnpublishedError):
        desk.cover("deposit", "drawn", 10)
    with pytest.raises(UnpublishedError):
        desk.do("suspension", merchant_id=GROCER, wanted=False)


def test_a_loss_leaves_windows_alone_that_were_paid(
    coalition: Coalition, services: Services
) -> None:
    coalition.taken(1000, by=member(3), issuer=GROCER, acceptor=BAKER, on=NEXT_DAY, priced_on=DAY)
    desk = Desk(services)
    settle(services, DAY)
    settle(services, NEXT_DAY)
    collected = collection(services, NEXT_DAY)
    desk.do("cancellation", payment_id=collected.payment_id)
    desk.do("suspension", merchant_id=GROCER, wanted=True)
    # More than acceptors were owed for the newer window: the rest was the network's margin.
    assert collected.amount > 990_000
    loss = desk.do("default", merchant_id=GROCER, step="acceptors", amount=collected.amount)
    assert _parts(loss) == [
        Part(NEXT_DAY, NETWORK_PARTY, 10_000),
        Part(NEXT_DAY, BAKER, collected.amount - 10_000),
    ]
    assert desk.step() == (None, 0)
