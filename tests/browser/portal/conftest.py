"""A small coalition and its portal, served to the browser."""

from __future__ import annotations

import pytest
import redis
from playwright.sync_api import Page

from config.web import furnish
from merchant_gateway.portal.app import create_app
from network.ledger import queries as ledger
from network.services import Services
from tests.browser.conftest import PHONE, Serve, accessibility_faults, overflow
from tests.browser.looks import faults_at_a_glance
from tests.integration.gateway import house as houses
from tests.integration.gateway.house import House, Person
from tests.integration.portal.desk import Clerk, Desk


@pytest.fixture
def house(services: Services) -> House:
    """Return a small coalition on a database of this test's own."""
    return houses.furnish(services, url="http://127.0.0.1:1")


@pytest.fixture
def desk(house: House, redis_client: redis.Redis, serve: Serve) -> Desk:
    """Return the portal of the coalition."""
    app = furnish(create_app(house.services, redis_client), services=house.services)
    return Desk(url=serve(app), house=house)


def looked_at(page: Page) -> None:
    """Hold a page to what every page owes."""
    assert accessibility_faults(page) == []
    assert overflow(page) == 0
    if page.viewport_size == PHONE:
        assert faults_at_a_glance(page) == []


def kinds(house: House, person: Person) -> list[str]:
    """Return the kinds of a member's entries, the oldest first."""
    with house.services.database.reading() as session:
        found = ledger.entries(session, member_id=person.member_id, limit=20)
    return [each.kind for each in reversed(found)]


def cookies_of(clerk: Clerk, desk: Desk) -> list[dict[str, str]]:
    """Return what a browser keeps of somebody who is signed in."""
    return [
        {"name": each.name, "value": each.value or "", "url": desk.url}
        for each in clerk.browser.cookies
    ]
