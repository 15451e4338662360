"""A merchant's webhooks on a database of its own."""

from __future__ import annotations

import pytest

from network.services import Services
from tests.integration.webhooks.desk import Desk


@pytest.fixture
def desk(services: Services) -> Desk:
    """Return the webhooks of one merchant."""
    return Desk(services=services)
