"""One simulated coalition with its gateway for all tests of sandboxes, and the owner's hands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from merchant_gateway.client import GatewayClient
from network.database.connection import Database
from network.ids import EntryIds
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.house import House, open_house
from tests.integration.sandboxes.stand import Stand, standing, with_test_key


@pytest.fixture(scope="package")
def owner_url_of_house(cluster: Cluster) -> Iterator[str]:
    """Yield the owner's URL of the coalition's database."""
    with cluster.fresh_database() as name:
        yield cluster.url("peyvand_owner", database=name)


@pytest.fixture(scope="package")
def house(
    cluster: Cluster, owner_url_of_house: str, redis_url: str, vault: Vault
) -> Iterator[House]:
    """Yield the coalition with its gateway running; webhooks may go to this machine."""
    name = owner_url_of_house.partition("?")[0].rpartition("/")[2]
    settings = Settings(
        database_url=cluster.url("peyvand", database=name),
        redis_url=redis_url,
        master_key=MASTER_KEY,
        webhook_loopback=True,
    )
    database = Database(settings.database_url, pool_size=2, application_name="test")
    services = Services(
        settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault)
    )
    with open_house(
        services, owner_url=owner_url_of_house, environment={"PEYVAND_WEBHOOK_LOOPBACK": "1"}
    ) as house:
        yield house
    database.dispose()


@pytest.fixture(scope="package")
def stand(house: House, cluster: Cluster, owner_url_of_house: str) -> Iterator[Stand]:
    """Yield the owner's hands, with spares made."""
    with standing(house.services, cluster, owner_url=owner_url_of_house) as stand:
        yield stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Tills:
    """Clients of the two shops that sign with test keys."""

    green: GatewayClient
    blue: GatewayClient


@pytest.fixture(scope="package")
def tills(house: House, stand: Stand) -> Iterator[Tills]:
    """Yield both shops' clients; a first call opens a sandbox."""
    tills = Tills(green=with_test_key(house, house.green), blue=with_test_key(house, house.blue))
    yield tills
    tills.green.close()
    tills.blue.close()
