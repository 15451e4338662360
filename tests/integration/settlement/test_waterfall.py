"""An issuer that does not pay: its cover, the network's fund, then those who took its points."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.clearing import queries as clearing
from network.clock import wall_now
from network.database.connection import Database
from network.exposure.cover import Movement
from network.exposure.waterfall import (
    WaterfallError,
    default_of,
    fund_balance,
    owed_for_points,
    shared,
)
from network.merchants import queries as merchants
from network.money import audit
from network.money import queries as money
from network.operators.errors import ProposalError
from network.operators.proposals import Proposal
from network.services import Services
from network.vault import Vault
from settlement import second_person
from tests.fixtures.programme import Programme
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


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition on its second day, where the grocer owes and will not pay."""
    made = Coalition(owner=owner_database, programme=programme, accounts=IBANS)
    made.found(vault=vault)
    made.play_two_days()
    made.taken(5, by=member(3), issuer=GROCER, acceptor=CINEMA)
    made.programme.move(made.at(THIRD_DAY))
    return made


class Desk:
    """Two people, of whom one proposes and the other approves."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def do(self, propose: str, **how: Any) -> Proposal:
        with self.services.database.unit_of_work() as session:
            proposal: Proposal = getattr(second_person, f"propose_{propose}")(
                session, reason="agreed", by=ANNA, now=wall_now(), **how
            )
        with self.services.database.unit_of_work() as session:
            second_person.approve(
                session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now()
            )
        return proposal

    def refused(self, **how: Any) -> str:
        with pytest.raises(WaterfallError) as refused:
            self.do("default", merchant_id=GROCER, **how)
        return refused.value.reason

    def cover(self, account: Any, act: Any, amount: int) -> None:
        movement = Movement(merchant_id=GROCER, account=account, act=act, amount=amount)
        self.do("cover", movement=movement, bank_ref=uuid4().hex)

    def step(self) -> tuple[str | None, int]:
        with self.services.database.reading() as session:
            issuing = merchants.merchant(session, merchant_id=GROCER).issuing
            found = default_of(session, merchant_id=GROCER, issuing=issuing)
        return found.step, found.owed


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
        # The baker took 10 of its points for 9900, the cinema 5 for 5000.
        taken = owed_for_points(session, issuer_id=GROCER, loss=5185)
        assert taken == {BAKER: 9900, CINEMA: 5000}
        assert owed_for_points(session, issuer_id=GROCER, loss=10**9) == taken
    proposal = desk.do("default", merchant_id=GROCER, step="acceptors", amount=5185)
    assert proposal.terms["shares"] == {str(BAKER): 3445, str(CINEMA): 1740}
    assert desk.step() == (None, 0)
    with pytest.raises(ProposalError), services.database.unit_of_work() as session:
        second_person.approve(session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now())

    settle(services, NEXT_DAY)
    with services.database.snapshot() as session:
        window = clearing.window_of(session, business_date=NEXT_DAY)
        assert window is not None
        stated = {
            each.merchant.party_id: each.totals.returned
            for each in clearing.statements(session, window=window)
        }
        wrong = {check.name for check in audit.checks(session) if check.differences}
    assert stated == {BAKER: -3445, CINEMA: -1740, GROCER: 0}
    # The coalition's postings are written by hand, without lots and wallets.
    assert wrong == {"day_figures_match_wallets", "outstanding_matches_lots"}
