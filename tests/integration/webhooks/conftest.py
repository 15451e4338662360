"""A merchant's webhooks on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from network.services import Services
from tests.integration.webhooks.desk import Desk
from tests.integration.webhooks.receiver import Receiver, answering, receiving


@pytest.fixture
def desk(services: Services) -> Desk:
    """Return the webhooks of one merchant."""
    return Desk(services=services)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that takes everything."""
    with receiving(answering(204)) as receiver:
        yield receiver
