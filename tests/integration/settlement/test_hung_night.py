"""While a night hangs the calendar goes on: what begins on a day begins after both."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from network.clock import wall_now
from network.database.connection import Database
from network.ledger import queries as ledger
from network.merchants import agreements
from network.merchants.errors import BackdatedAgreementError
from network.money.direct import PaymentModeError
from network.services import Services
from network.vault import Vault
from settlement import second_person
from tests.fixtures.programme import Programme
from tests.integration.settlement.coalition import BAKER, DAY, NEXT_DAY, THIRD_DAY, Coalition


def test_nothing_begins_on_a_day_that_tills_price_by_already(
    owner_database: Database, programme: Programme, vault: Vault, services: Services
) -> None:
    coalition = Coalition(owner=owner_database, programme=programme)
    coalition.found(vault=vault)
    now = programme.move(coalition.at(NEXT_DAY))
    with services.database.unit_of_work() as session:
        assert ledger.open_day(session) == DAY
        today = ledger.begun_day(session, now=now)
        assert today == NEXT_DAY
        with pytest.raises(BackdatedAgreementError) as refused:
            agreements.propose_agreement(
                session,
                merchant_id=BAKER,
                effective_from=NEXT_DAY,
                issue_price=Decimal(900),
                acceptance_fee=Decimal(0),
                today=today,
                now=now,
            )
        assert refused.value.facts == {"today": NEXT_DAY.isoformat()}

        def propose(day: date) -> None:
            second_person.propose_mode(
                session, mode="direct", effective_from=day, reason="x", by=uuid4(), now=wall_now()
            )

        with pytest.raises(PaymentModeError) as early:
            propose(NEXT_DAY)
        assert early.value.reason == "too_early"
        propose(THIRD_DAY)
