"""Three days on which all three models meet, played through the ledger and worked out by hand.

cinema  on issue       p 1200    q 1000, then 1100
grocer  prefunded      p 1000    q 979.5, then 1077.45
baker   on redemption  p 1010.5  q 990, then 1089     VAT 10 % on the margin it pays
"""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from network.clearing import queries
from network.clearing.parties import account_code
from network.database.connection import Database
from network.money import audit
from network.money import queries as money
from network.services import Services
from network.vault import Vault
from settlement.controls import ControlTotalsError
from tests.fixtures.programme import Programme
from tests.integration.settlement.coalition import (
    BAKER,
    CINEMA,
    DAY,
    GROCER,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
)
from tests.integration.settlement.mixed import play
from tests.integration.settlement.pictures import documents, facts, settle
from tests.integration.settlement.till import Till


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition with a model of its own for each merchant."""
    made = Coalition(
        owner=owner_database,
        programme=programme,
        funding={CINEMA: "on_issue", GROCER: "prefunded"},
        vat={BAKER: "0.1"},
    )
    made.found(vault=vault)
    return made


def owed(services: Services, day: date) -> dict[tuple[str, str, str], tuple[int, int]]:
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=day)
        assert window is not None
        return {
            (
                account_code(each.payer.code, each.fact.payer_account),
                account_code(each.payee.code, each.fact.payee_account),
                each.fact.kind,
            ): (each.fact.points, each.fact.amount)
            for each in queries.obligations(session, window=window)
        }


def nets(services: Services, day: date) -> dict[str, int]:
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=day)
        assert window is not None
        return {
            account_code(each.party.code, each.account): each.net
            for each in queries.positions(session, window=window)
        }


def test_all_models_in_one_window(services: Services, coalition: Coalition, till: Till) -> None:
    play(coalition, till)
    assert settle(services, DAY).control_totals["agree"]
    assert owed(services, DAY) == {
        ("cinema", "network:pool", "issuance"): (10, 12000),
        ("network:pool", "baker", "redemption"): (3, 2970),  # 3 × 990
        ("network:pool", "network", "margin"): (3, 630),  # 3 × (1200 − 990)
        ("grocer:deposit", "baker", "redemption"): (5, 4950),
        ("grocer:deposit", "network", "margin"): (5, 50),
        ("baker", "grocer", "redemption"): (4, 3918),  # 4 × 979.5
        ("baker", "network", "margin"): (4, 124),
        ("baker", "network:vat", "vat"): (4, 12),  # 4 × 3.1 = 12.4
    }
    assert nets(services, DAY) == {
        "baker": 2970 + 4950 - 3918 - 124 - 12,
        "cinema": -12000,
        "grocer": 3918,
        "grocer:deposit": -5000,
        "network": 630 + 50 + 124,
        "network:pool": 7 * 1200,
        "network:vat": 12,
    }
    assert sum(nets(services, DAY).values()) == 0
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=DAY)
        assert window is not None
        found = {
            each.merchant.code: each.totals for each in queries.statements(session, window=window)
        }
        taxes = {
            each.merchant.code: each.taxes for each in queries.statements(session, window=window)
        }
        (pool,) = queries.pool(session, window=window)
    assert (pool.issuer.code, pool.fact.points, pool.fact.amount) == ("cinema", 7, 8400)
    # Nobody had paid into the deposit, so what it lacked is called from the grocer's balance.
    grocer = found["grocer"]
    assert (grocer.net, grocer.called, grocer.closing) == (3918, 5000, 3918 - 5000)
    assert (grocer.deposit_used, grocer.deposit_closing) == (5000, 0)
    assert (found["baker"].fees, found["baker"].vat) == (136, 12)
    (tax,) = taxes.pop("baker")
    assert (tax.direction, tax.kind, tax.points, tax.amount) == ("vat", "vat", 4, 12)
    figures = map(str, (tax.fee.normalize(), tax.rate.normalize(), tax.price.normalize()))
    assert [*figures, int(tax.base)] == ["31", "0.1", "3.1", 124]
    assert not any(taxes.values())


def test_what_comes_back_and_what_lapses(
    services: Services, coalition: Coalition, till: Till
) -> None:
    play(coalition, till)
    assert settle(services, THIRD_DAY).control_totals["agree"]
    assert owed(services, NEXT_DAY) == {
        # One point back at the price of the first day; the pool gets p of it again.
        ("network:pool", "baker", "redeposit"): (-1, -990),
        ("network:pool", "network", "margin_return"): (-1, -210),
        ("network:pool", "cinema", "clawback"): (2, 2400),
        ("cinema", "network:pool", "adjustment_up"): (2, 2400),
        ("network:pool", "cinema", "adjustment_down"): (1, 1200),
    }
    assert owed(services, THIRD_DAY) == {
        # 10 − 3 + 1 − 2 of the first lot lapse; the network keeps their money.
        ("network:pool", "network:breakage", "expiry"): (6, 7200)
    }
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=THIRD_DAY)
        assert window is not None
        (pool,) = queries.pool(session, window=window)
        books = money.balances(session, account="pool")
        statements = list(queries.windows_for(session, merchant_id=CINEMA))
    assert (pool.fact.points, pool.fact.amount) == (1, 1200)
    assert set(books.values()) == {1200}
    # The third window moved nothing of the cinema's; it still stands with what it owes.
    assert [each.totals.net for each in statements] == [0, 2400 - 2400 + 1200, -12000]
    assert statements[0].totals.opening == statements[1].totals.closing == -10800
    with services.database.snapshot() as session:
        checks = {each.name: each for each in audit.checks(session)}
    assert {name for name, each in checks.items() if each.differences} == set()


def test_a_second_run_gives_the_same_bytes(
    services: Services, coalition: Coalition, till: Till
) -> None:
    play(coalition, till)
    settle(services, NEXT_DAY)
    before = facts(services.database), documents(services, DAY), documents(services, NEXT_DAY)
    assert settle(services, DAY).replayed
    assert settle(services, NEXT_DAY).replayed
    after = facts(services.database), documents(services, DAY), documents(services, NEXT_DAY)
    assert after == before


def test_points_beside_the_pool_stop_the_night(
    services: Services, coalition: Coalition, till: Till, owner_database: Database
) -> None:
    play(coalition, till)
    with owner_database.unit_of_work() as session:
        session.execute(text("ALTER TABLE ledger.lot DISABLE TRIGGER attributes_stay"))
        session.execute(
            text(
                "UPDATE ledger.lot SET remaining = remaining + 1, granted = granted + 1"
                " WHERE issuer_id = :cinema AND open AND expires_on > '2026-06-01'"
            ),
            {"cinema": CINEMA},
        )
        session.execute(text("ALTER TABLE ledger.lot ENABLE TRIGGER attributes_stay"))
    with pytest.raises(ControlTotalsError) as stopped:
        settle(services, DAY)
    wrong = {check.name for check in stopped.value.checks if not check.agrees}
    assert wrong == {"pool_covers_points"}
