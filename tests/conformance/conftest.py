"""The suites of standards, against a gateway that runs as in production where they need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from network.services import Services
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.conftest import gateway_database, gateway_services
from tests.integration.gateway.house import House
from tests.integration.gateway.settled import settled_house

__all__ = ["gateway_database", "gateway_services"]


@pytest.fixture(scope="module")
def house(
    cluster: Cluster, gateway_database: str, gateway_services: Services, redis_url: str
) -> Iterator[House]:
    """Yield a coalition with a settled day; its gateway never tires of who fails."""
    with settled_house(
        cluster,
        database=gateway_database,
        services=gateway_services,
        redis_url=redis_url,
        module="tests.conformance.serving",
    ) as house:
        yield house
