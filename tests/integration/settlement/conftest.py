"""A founded coalition on a database of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from network.database.connection import Database
from network.ledger import operations
from network.services import Services
from network.vault import Vault
from tests.fixtures.programme import Programme
from tests.integration.settlement.bank import HOUSE_IBAN
from tests.integration.settlement.coalition import IBANS, THIRD_DAY, Coalition, member
from tests.integration.settlement.till import Till


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the three merchants' coalition on its first business day."""
    made = Coalition(owner=owner_database, programme=programme)
    made.found(vault=vault)
    return made


@pytest.fixture
def banked(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition after two days, with accounts that baker and grocer are paid on."""
    made = Coalition(owner=owner_database, programme=programme, accounts=IBANS)
    made.found(vault=vault)
    made.play_two_days()
    made.programme.move(made.at(THIRD_DAY))
    return made


@pytest.fixture
def paying(services: Services) -> Services:
    """Return services whose house has an account."""
    return replace(services, settings=replace(services.settings, payment_iban=HOUSE_IBAN))


@pytest.fixture
def till(coalition: Coalition, database: Database) -> Till:
    """Return a till, with three members' wallets open."""
    with database.ledger() as connection:
        for number in (1, 2, 3):
            operations.open_wallet(connection, member_id=member(number))
    return Till(database=database, coalition=coalition)
