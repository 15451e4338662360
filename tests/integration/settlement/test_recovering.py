"""What an issuer pays after its default: back up the waterfall, in reverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.clearing import queries as clearing
from network.clearing.parties import NETWORK_PARTY
from network.database.connection import Database
from network.exposure.recovering import Borne, balance_of, returned
from network.exposure.suspending import SuspensionError
from network.exposure.waterfall import fund_balance
from network.money import audit
from network.services import Services
from network.vault import Vault
from tests.fixtures.programme import Programme
from tests.integration.settlement.coalition import BAKER, CINEMA, DAY, GROCER, NEXT_DAY, Coalition
from tests.integration.settlement.defaulting import Desk, collection, unpaid
from tests.integration.settlement.pictures import settle

SUMS = st.integers(0, 10**12)


@given(
    baker=SUMS, cinema=SUMS, margin=SUMS, fund=SUMS, reserve=SUMS, deposit=SUMS,
    part=st.fractions(0, 1),
)  # fmt: skip
def test_the_last_to_pay_is_the_first_to_get_it_back(part: object, **sums: int) -> None:
    borne = Borne(
        acceptors={BAKER: sums.pop("baker"), CINEMA: sums.pop("cinema")},
        **sums,
    )
    amount = int(borne.total * part)  # type: ignore[operator]
    shares = returned(amount, borne=borne, issuer_id=GROCER)
    assert sum(each.amount for each in shares) == amount
    levels = [sum(borne.acceptors.values()), borne.margin, borne.fund, borne.reserve, borne.deposit]
    got = dict.fromkeys(("settlement", "margin", "fund", "reserve", "deposit"), 0)
    for each in shares:
        got[each.account] += each.amount
    left = amount
    for most, found in zip(levels, got.values(), strict=True):
        assert found == min(left, most)
        left -= found
    assert returned(borne.total + 1, borne=borne, issuer_id=GROCER) == []


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition on its second day, where the grocer owes and will not pay."""
    return unpaid(owner_database, programme, vault)


def test_what_is_paid_late_goes_back_the_way_it_came(
    coalition: Coalition, services: Services
) -> None:
    """8185 owed: 1000 of deposit, 500 of reserve, 1500 of the fund, 5185 of 15041 on acceptors."""
    desk = Desk(services)
    settle(services, DAY)
    desk.do("cancellation", payment_id=collection(services, DAY).payment_id)
    desk.cover("deposit", "received", 1000)
    desk.cover("reserve", "received", 500)
    desk.do("suspension", merchant_id=GROCER, wanted=True)
    desk.cover("deposit", "drawn", 1000)
    desk.cover("reserve", "drawn", 500)
    desk.do("fund", act="allotted", amount=1500)
    desk.do("default", merchant_id=GROCER, step="fund", amount=1500)
    assert desk.gives_back("bank", 1, bank_ref="LATE-1") == "owes_itself"
    desk.do("default", merchant_id=GROCER, step="acceptors", amount=5185)
    assert desk.borne() == Borne(
        acceptors={BAKER: 3351, CINEMA: 1693}, margin=141, fund=1500, reserve=500, deposit=1000
    )
    assert desk.gives_back("balance", 1) == "no_balance"
    assert desk.gives_back("bank", 8186, bank_ref="LATE-1") == "not_borne"
    assert desk.gives_back("bank", 8185) == "bank_ref_missing"
    assert desk.gives_back("elsewhere", 8185) == "unknown"

    # 3000 of 5044: 3000 × 3351 ÷ 5044 = 1993.06, 3000 × 1693 ÷ 5044 = 1006.94.
    first = desk.recovered("bank", 3000, bank_ref=" late  1 ")
    assert first.terms["parts"] == [
        ["settlement", str(BAKER), 1993],
        ["settlement", str(CINEMA), 1007],
    ]
    assert desk.gives_back("bank", 10, bank_ref="LATE 1") == "bank_ref_entered"
    # The rest of it, and 141 + 1500 + 315 of the reserve's 500.
    second = desk.recovered("bank", 4000, bank_ref="LATE 2")
    assert second.terms["parts"] == [
        ["settlement", str(BAKER), 1358],
        ["settlement", str(CINEMA), 686],
        ["margin", str(NETWORK_PARTY), 141],
        ["fund", str(NETWORK_PARTY), 1500],
        ["reserve", str(GROCER), 315],
    ]
    assert desk.borne() == Borne(reserve=185, deposit=1000)

    settle(services, NEXT_DAY)
    with services.database.snapshot() as session:
        window = clearing.window_of(session, business_date=NEXT_DAY)
        assert window is not None
        stated = {
            each.merchant.party_id: each.totals.returned
            for each in clearing.statements(session, window=window)
        }
        wrong = {check.name for check in audit.checks(session) if check.differences}
        assert fund_balance(session) == 1500
    # Loss and recovery lie on one day, so each acceptor's statement has nothing left of it.
    assert stated == {BAKER: 0, CINEMA: 0, GROCER: 0}
    assert wrong == {"day_figures_match_wallets", "outstanding_matches_lots"}


def test_a_balance_goes_to_who_bore_the_loss_before_it_is_paid_out(
    coalition: Coalition, services: Services
) -> None:
    """A collection that is booked after all lies on the balance of a stopped issuer."""
    desk = Desk(services)
    settle(services, DAY)
    collected = collection(services, DAY)
    desk.do("cancellation", payment_id=collected.payment_id)
    desk.do("suspension", merchant_id=GROCER, wanted=True)
    desk.do("default", merchant_id=GROCER, step="acceptors", amount=8185)
    # With an empty balance as with a full one: what it is owed next belongs to who bore the loss.
    for balance in (0, 8185):
        if balance:
            desk.book(collected)
        with services.database.reading() as session:
            assert balance_of(session, merchant_id=GROCER) == balance
        assert desk.borne().of_others == 8185
        with pytest.raises(SuspensionError) as kept:
            desk.do("suspension", merchant_id=GROCER, wanted=False)
        assert kept.value.reason == "recover_first"
    assert desk.gives_back("balance", 8186) == "no_balance"

    desk.recovered("balance", 8185)
    assert desk.borne() == Borne()
    assert desk.gives_back("balance", 1) == "no_balance"
    desk.do("suspension", merchant_id=GROCER, wanted=False)
