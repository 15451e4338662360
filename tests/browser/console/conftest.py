"""A settled coalition, the console on it over real HTTP, and Chromium in front."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import redis
from playwright.sync_api import Browser, Locator, Page

from config.web import furnish, passkeys
from network.clock import wall_now
from network.database.connection import Database
from network.ids import EntryIds
from network.operators import service, totp
from network.operators.service import Added
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from settlement.console.app import create_app
from tests.browser.conftest import Pages
from tests.browser.console import story as stories
from tests.browser.console.story import Story
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.fixtures.programme import Programme
from tests.fixtures.serving import served
from tests.integration.settlement.bank import HOUSE_IBAN

PASSWORD = "correct horse battery"
SETTLED_DAYS = 2


@dataclass(frozen=True, kw_only=True)
class House:
    """The console that listens, and the hands behind it."""

    url: str
    story: Story
    services: Services
    owner: Database
    numbers: Iterator[int]

    def add(self, role: str, *, locale: str = "en") -> Added:
        """Add an operator of a role whom no other test uses."""
        with self.services.database.unit_of_work() as session:
            added = service.add_operator(
                session,
                vault=self.services.vault,
                now=wall_now(),
                email=f"{role}{next(self.numbers)}@example.org",
                name=f"The {role}",
                role=role,
                password=PASSWORD,
            )
            service.set_locale(session, now=wall_now(), operator=added.operator, locale=locale)
        return added


@pytest.fixture(scope="module")
def house(cluster: Cluster, redis_url: str, vault: Vault) -> Iterator[House]:
    """Yield the console of a coalition that has played and settled some days."""
    with cluster.fresh_database() as name:
        settings = Settings(
            database_url=cluster.url("peyvand", database=name),
            redis_url=redis_url,
            master_key=MASTER_KEY,
            payment_iban=HOUSE_IBAN,
        )
        database = Database(settings.database_url, application_name="test-console")
        owner = Database(
            cluster.url("peyvand_owner", database=name), pool_size=2, application_name="test-owner"
        )
        services = Services(
            settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault)
        )
        programme = Programme(database=database, owner=owner)
        story = stories.begin(services, programme, days_ago=SETTLED_DAYS)
        for number in range(SETTLED_DAYS):
            story.play_day(number)
            story.night()
        story.play_day(SETTLED_DAYS)
        client = redis.Redis.from_url(redis_url)
        app = furnish(create_app(services, redis=client), services=services, money_unit="rial")
        with served(app) as url:
            passkeys.install(app, address=url)
            yield House(
                url=url,
                story=story,
                services=services,
                owner=owner,
                numbers=count(1),
            )
        client.close()
        database.dispose()
        owner.dispose()


Opener = Callable[..., Page]


@pytest.fixture
def opened(chromium: Browser, pages: Pages, house: House) -> Opener:
    """Return a way to open a page of the console; what the browser complains of fails the test."""

    def open_page(*, locale: str = "en", **options: Any) -> Page:
        context = chromium.new_context(
            locale="fa-IR" if locale == "fa" else "en-GB", base_url=house.url, **options
        )
        context.set_default_timeout(20_000)
        context.on("page", pages._watch)
        pages._contexts.append(context)
        return context.new_page()

    return open_page


def follow(page: Page, link: Locator) -> None:
    """Click and return once the next page is there: what is read then is not the last page's."""
    with page.expect_navigation():
        link.click()


def fill_sign_in(page: Page, added: Added, *, code: str | None = None) -> None:
    """Fill the form of the sign-in page and send it."""
    step = totp.step_at(wall_now())
    page.fill("#email", added.operator.email)
    page.fill("#password", PASSWORD)
    page.fill("#code", code or totp.code_at(secret=added.totp_secret, step=step))
    follow(page, page.locator("main form:has(#password) button[type=submit]"))


@pytest.fixture
def signed_in(house: House, opened: Opener) -> Opener:
    """Return a way to a page on which a new operator of a role has signed in."""

    def sign_in(role: str, *, locale: str = "en", **options: Any) -> Page:
        added = house.add(role, locale=locale)
        page = opened(locale=locale, **options)
        page.goto("/sign-in")
        fill_sign_in(page, added)
        assert page.url == f"{house.url}/"
        return page

    return sign_in
