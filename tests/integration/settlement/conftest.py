"""A founded coalition on a database of its own."""

from __future__ import annotations

import pytest

from network.database.connection import Database
from network.vault import Vault
from tests.fixtures.programme import Programme
from tests.integration.settlement.coalition import Coalition


@pytest.fixture
def coalition(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the three merchants' coalition on its first business day."""
    made = Coalition(owner=owner_database, programme=programme)
    made.found(vault=vault)
    return made
