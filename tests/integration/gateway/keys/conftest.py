"""One gateway for the tests of keys, and a shop whose keys are its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from network.vault import Vault
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.house import House, Shop, fresh_services, open_house
from tests.integration.gateway.keys.hands import registered


@pytest.fixture(scope="package")
def house(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[House]:
    """Yield the coalition with its gateway running, one for all files of this folder."""
    with (
        fresh_services(cluster, redis_url=redis_url, vault=vault) as services,
        open_house(services) as house,
    ):
        yield house


@pytest.fixture
def shop(house: House) -> Shop:
    """Return the blue shop with the keys of other tests revoked, and a fresh one of its own."""
    with house.services.database.unit_of_work() as session:
        session.execute(
            text("UPDATE network.merchant_key SET revoked_at = now() WHERE merchant_id = :id"),
            {"id": house.blue.merchant_id},
        )
    key_id, key = registered(house)
    return Shop(
        code="blue",
        merchant_id=house.blue.merchant_id,
        key_id=key_id,
        key=key,
        client=house.blue.client,
    )
