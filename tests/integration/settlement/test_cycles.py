"""When a balance is paid: weekly, above a minimum, by a mandate; it carries over in between."""

from __future__ import annotations

import json
from datetime import timedelta

from network.clearing import queries as clearing
from network.clearing.facts import Totals
from network.database.connection import Database
from network.merchants.settling import Settling
from network.money import queries as money
from network.services import Services
from network.vault import Vault
from tests.fixtures.programme import Programme
from tests.integration.settlement.coalition import (
    BAKER,
    DAY,
    GROCER,
    IBANS,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
)
from tests.integration.settlement.pictures import documents, settle


def totals(services: Services, day: int) -> dict[object, Totals]:
    with services.database.reading() as session:
        window = clearing.window_of(session, business_date=DAY + timedelta(days=day))
        assert window is not None
        found = clearing.statements(session, window=window)
    return {each.merchant.party_id: each.totals for each in found}


def test_cycles_and_minimums_carry_balances_over(
    owner_database: Database, programme: Programme, vault: Vault, services: Services
) -> None:
    # The first day is a Sunday: the baker is paid on Mondays, the grocer from 3,000 rials on.
    grocer = Settling(minimum=3_000, mandate_id="MND-1", mandate_signed_on=DAY)
    coalition = Coalition(
        owner=owner_database,
        programme=programme,
        accounts=IBANS,
        settling={BAKER: Settling(cycle="weekly", weekday=1), GROCER: grocer},
    )
    coalition.found(vault=vault)
    coalition.play_two_days()
    programme.move(coalition.at(THIRD_DAY))
    settle(services, DAY)
    first = totals(services, 0)
    assert (first[BAKER].paid, first[BAKER].closing, first[BAKER].carried) == (0, 2827, "cycle")
    # −3185 is more than the minimum, and the mandate makes it a collection that is asked for.
    assert (first[GROCER].paid, first[GROCER].carried) == (-3185, None)
    with services.database.reading() as session:
        (payment,) = money.payments(session, merchant_id=GROCER)
    assert (payment.fact.mandate_id, payment.fact.mandate_signed_on) == ("MND-1", DAY)
    settle(services, NEXT_DAY)
    second = totals(services, 1)
    # Baker: 2827 − 1010, both days with one payment. Grocer: 1175 of the day is below its minimum.
    assert (second[BAKER].opening, second[BAKER].paid) == (2827, 1817)
    assert (second[GROCER].closing, second[GROCER].carried) == (1175, "minimum")
    statement, table = documents(services, NEXT_DAY)["grocer"]
    assert json.loads(statement)["totals"]["carried"] == "minimum"
    assert b"carried,minimum" in table
    assert settle(services, NEXT_DAY).replayed
    assert settle(services, DAY).replayed
