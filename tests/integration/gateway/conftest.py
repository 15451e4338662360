"""One gateway per module: real HTTP server, real PostgreSQL and Valkey, real signatures."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from network.services import Services
from network.vault import Vault
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.campaigning import end
from tests.integration.gateway.house import House, fresh_services, open_house, owner_url_of


@pytest.fixture(scope="module")
def gateway_services(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[Services]:
    """Yield services on this module's database."""
    with fresh_services(cluster, redis_url=redis_url, vault=vault) as services:
        yield services


@pytest.fixture(scope="module")
def gateway_database(gateway_services: Services) -> str:
    """Return the name of this module's database."""
    return str(gateway_services.database.engine.url.database)


@pytest.fixture(scope="module")
def gateway_owner_url(cluster: Cluster, gateway_services: Services) -> str:
    """Return the owner's URL of this module's database."""
    return owner_url_of(cluster, gateway_services)


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
