"""A desk on a database of its own."""

from __future__ import annotations

import pytest

from network.database.connection import Database
from network.services import Services
from tests.integration.reconciliation.desk import Desk


@pytest.fixture
def desk(services: Services, owner_database: Database) -> Desk:
    """Return a founded desk whose first day is open."""
    return Desk(services=services, owner=owner_database).found()
