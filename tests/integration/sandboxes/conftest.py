"""One simulated coalition with its gateway for all tests of sandboxes, and the owner's hands."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from merchant_gateway.client import GatewayClient
from network.database.connection import Database
from network.ids import EntryIds
from network.ledger.partitions import open_first_day
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.integration.gateway import house as houses
from tests.integration.gateway.house import House
from tests.integration.sandboxes.stand import Stand, standing, with_test_key


@pytest.fixture(scope="package")
def owner_url_of_house(cluster: Cluster) -> Iterator[str]:
    """Yield the owner's URL of the coalition's database, a simulated installation's."""
    with cluster.fresh_database() as name:
        url = cluster.url("peyvand_owner", database=name)
        owner = Database(url, pool_size=1)
        with owner.unit_of_work() as session:
            session.execute(text("UPDATE network.installation SET simulated = true"))
        owner.dispose()
        yield url


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
    with houses.listening() as (listener, url):
        house = houses.furnish(services, url=url)
        with database.unit_of_work() as session:
            open_first_day(session, business_date=house.today())
        environment = houses.environment_of(
            services, master_key=base64.b64encode(MASTER_KEY).decode(), redis_url=redis_url
        )
        environment["PEYVAND_WEBHOOK_LOOPBACK"] = "1"
        with houses.serving(listener, url=url, environment=environment):
            yield house
        for shop in house.shops.values():
            shop.client.close()
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
