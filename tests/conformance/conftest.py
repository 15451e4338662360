"""The suites of standards, against one gateway that runs as in production where they need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from network.database.connection import Database
from network.ids import EntryIds
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.house import House
from tests.integration.gateway.settled import settled_house


@pytest.fixture(scope="package")
def house(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[House]:
    """Yield a coalition with a settled day; its gateway never tires of who fails."""
    with cluster.fresh_database() as name:
        settings = Settings(
            database_url=cluster.url("peyvand", database=name),
            redis_url=redis_url,
            master_key=MASTER_KEY,
        )
        database = Database(settings.database_url, pool_size=2, application_name="test")
        services = Services(
            settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault)
        )
        owner_url = cluster.url("peyvand_owner", database=name)
        module = "tests.conformance.serving"
        with settled_house(services, owner_url=owner_url, module=module) as house:
            yield house
        database.dispose()
