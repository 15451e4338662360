"""One portal per module: real HTTP, real PostgreSQL and Valkey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from config.web import furnish
from merchant_gateway.portal.app import create_app
from network.database.connection import Database
from network.ids import EntryIds
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.fixtures.serving import served
from tests.integration.gateway import house as houses
from tests.integration.portal.desk import Desk


@pytest.fixture(scope="module")
def desk(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[Desk]:
    """Yield the portal of a small coalition."""
    with cluster.fresh_database() as name:
        settings = Settings(
            database_url=cluster.url("peyvand", database=name),
            redis_url=redis_url,
            master_key=MASTER_KEY,
        )
        database = Database(settings.database_url, pool_size=4, application_name="test-portal")
        services = Services(
            settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault)
        )
        house = houses.furnish(services, url="http://127.0.0.1:1")
        client = redis.Redis.from_url(redis_url)
        app = furnish(create_app(services, client), services=services)
        with served(app) as url:
            yield Desk(url=url, house=house)
        for shop in house.shops.values():
            shop.client.close()
        client.close()
        database.dispose()
