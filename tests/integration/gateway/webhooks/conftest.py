"""One gateway for the tests of webhooks, which may lead to this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from network.vault import Vault
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.house import House, fresh_services, open_house, owner_url_of
from tests.integration.webhooks.receiver import Receiver, answering, receiving


@pytest.fixture(scope="package")
def house(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[House]:
    """Yield a simulated coalition, one for all files of this folder."""
    with fresh_services(cluster, redis_url=redis_url, vault=vault) as services:
        owner_url = owner_url_of(cluster, services)
        more = {"PEYVAND_WEBHOOK_LOOPBACK": "1"}
        with open_house(services, owner_url=owner_url, environment=more) as house:
            yield house


@pytest.fixture(autouse=True)
def no_endpoints(house: House) -> Iterator[None]:
    """Leave no endpoint to the next test."""
    yield
    for shop in house.shops.values():
        for each in shop.client.endpoints.list():
            shop.client.endpoints.delete(each["id"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that takes everything."""
    with receiving(answering(204)) as receiver:
        yield receiver
