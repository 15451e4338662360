"""One gateway for the tests of who joins, agrees and shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from network.vault import Vault
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.house import House, fresh_services, open_house


@pytest.fixture(scope="package")
def house(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[House]:
    """Yield the coalition with its gateway running, one for all files of this folder."""
    with (
        fresh_services(cluster, redis_url=redis_url, vault=vault) as services,
        open_house(services) as house,
    ):
        yield house
