"""A night in which the network pays: points of its own campaigns were taken by merchants."""

from __future__ import annotations

from uuid import UUID

import pytest

from network.clearing import queries
from network.clearing.parties import NETWORK_PARTY
from network.services import Services
from tests.integration.settlement import coalition as coalitions
from tests.integration.settlement.coalition import (
    BAKER,
    DAY,
    GROCER,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
    member,
)
from tests.integration.settlement.pictures import settle


@pytest.fixture
def funded(coalition: Coalition, monkeypatch: pytest.MonkeyPatch) -> Coalition:
    """Return the coalition after a day on which the network's points were taken, and one back."""
    monkeypatch.setitem(coalitions.TERMS, NETWORK_PARTY, UUID(int=77))
    coalition.taken(3, by=member(1), issuer=BAKER, acceptor=GROCER)
    coalition.taken(4, by=member(1), issuer=NETWORK_PARTY, acceptor=GROCER)
    coalition.taken(10, by=member(2), issuer=NETWORK_PARTY, acceptor=BAKER)
    coalition.taken(
        -1, by=member(2), issuer=NETWORK_PARTY, acceptor=BAKER, on=NEXT_DAY, priced_on=DAY
    )
    coalition.programme.move(coalition.at(THIRD_DAY))
    return coalition


def test_the_network_owes_acceptors_and_nothing_to_itself(
    services: Services, funded: Coalition
) -> None:
    assert settle(services, DAY).control_totals["agree"]
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=DAY)
        assert window is not None
        owed = {
            (each.issuer.code, each.acceptor.code, each.fact.kind): each.fact.amount
            for each in queries.obligations(session, window=window)
        }
        nets = {
            each.party.code: (each.payable, each.receivable, each.fees, each.net)
            for each in queries.positions(session, window=window)
        }
        statements = {
            each.merchant.code: each.totals for each in queries.statements(session, window=window)
        }
    # q of the grocer 979.5, of the baker 990; 3 × 979.5 = 2938.5, half to even.
    assert owed == {
        ("baker", "grocer", "redemption"): 2938,
        ("baker", "grocer", "margin"): 93,
        ("network", "grocer", "redemption"): 3918,
        ("network", "baker", "redemption"): 9900,
    }
    assert nets == {
        "baker": (2938, 9900, 93, 9900 - 2938 - 93),
        "grocer": (0, 2938 + 3918, 0, 2938 + 3918),
        "network": (3918 + 9900, 93, 0, 93 - 3918 - 9900),
    }
    assert sum(each[3] for each in nets.values()) == 0
    assert set(statements) == {"baker", "grocer"}
    assert statements["grocer"].receivable == 2938 + 3918

    assert settle(services, NEXT_DAY).control_totals["agree"]
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=NEXT_DAY)
        assert window is not None
        (back,) = queries.obligations(session, window=window)
    assert (back.issuer.code, back.fact.kind, back.fact.amount) == ("network", "redeposit", -990)
