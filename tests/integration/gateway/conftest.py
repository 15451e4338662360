"""One gateway per module: real HTTP server, real PostgreSQL and Valkey, real signatures."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from network.database.connection import Database
from network.ids import EntryIds
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.campaigning import end
from tests.integration.gateway.house import House, open_house


@pytest.fixture(scope="module")
def gateway_database(cluster: Cluster) -> Iterator[str]:
    """Yield the name of this module's database."""
    with cluster.fresh_database() as name:
        yield name


@pytest.fixture(scope="module")
def gateway_services(
    cluster: Cluster, gateway_database: str, redis_url: str, vault: Vault
) -> Iterator[Services]:
    """Yield services on this module's database."""
    settings = Settings(
        database_url=cluster.url("peyvand", database=gateway_database),
        redis_url=redis_url,
        master_key=MASTER_KEY,
    )
    database = Database(settings.database_url, pool_size=2, application_name="test")
    yield Services(settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault))
    database.dispose()


@pytest.fixture(scope="module")
def gateway_owner_url(cluster: Cluster, gateway_database: str) -> str:
    """Return the owner's URL of this module's database."""
    return cluster.url("peyvand_owner", database=gateway_database)


@pytest.fixture(scope="module")
def house(gateway_services: Services) -> Iterator[House]:
    """Yield the coalition with its gateway running."""
    with open_house(gateway_services) as house:
        yield house


@pytest.fixture
def running(house: House) -> Iterator[list[UUID]]:
    """Yield the campaigns that a test lets run, which end after it."""
    found: list[UUID] = []
    yield found
    end(house, found)
