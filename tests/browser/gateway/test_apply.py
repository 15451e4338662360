"""The form by which a site asks to join, as a person meets it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Page, expect

from config.preparation import prepare_installation
from config.sandboxes.nights import Hands
from merchant_gateway.app import create_app
from network.clock import wall_now
from network.merchants import applications
from network.services import Services
from tests.browser.conftest import DESK, PHONE, Pages, Serve, accessibility_faults, overflow

PICTURES = os.environ.get("PEYVAND_PICTURES")
"""Where the pages are kept to be looked at; nowhere unless asked for."""


@pytest.fixture
def address(services: Services, redis_client: redis.Redis, serve: Serve) -> str:
    """Return the address of a gateway on a database of this test's own."""
    prepare_installation(services, wall=wall_now())
    return serve(create_app(services, redis=redis_client, hands=Hands(redis_client)))


def keep(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def fill(page: Page) -> None:
    """Fill the form as a careful person does."""
    page.fill("#name_fa", "نان بهار")
    page.fill("#name_en", "Bahar Bakery")
    page.select_option("#kind", "grocer")
    page.fill("#contact_name", "سارا امینی")
    page.fill("#contact_email", "sara@bahar.example")
    page.fill("#contact_phone", "۰۲۱ ۸۸۷۷۶۶۵۵")
    page.check("[value=browser]")


@pytest.mark.parametrize("locale", ["fa", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_and_its_answer(
    pages: Pages, address: str, services: Services, locale: str, scheme: str
) -> None:
    for viewport in (PHONE, DESK):
        page = pages.open(
            locale="fa-IR" if locale == "fa" else "en-GB",
            viewport=viewport,
            scheme="dark" if scheme == "dark" else "light",
            script=True,
        )
        page.goto(f"{address}/apply")
        assert page.locator("html").get_attribute("lang") == locale
        assert overflow(page) == 0
        assert accessibility_faults(page) == []
        keep(page, f"apply-{locale}-{scheme}-{viewport['width']}")
        if scheme == "light" and viewport == PHONE:
            for path in ("/docs", "/docs/guide/quick-start", "/verify?code=1234"):
                page.goto(f"{address}{path}")
                assert overflow(page) == 0, path
                assert accessibility_faults(page) == []
    fill(page)
    page.fill("#contact_email", "not an address")
    page.click("button[type=submit]")
    expect(page.locator(".alert li")).to_have_count(1)
    page.locator(".alert a").click()
    expect(page.locator("#contact_email")).to_be_focused()
    assert page.input_value("#name_fa") == "نان بهار"
    expect(page.locator("#public_key")).to_be_hidden()
    page.check("[value=program]")
    expect(page.locator("#public_key")).to_be_visible()
    assert accessibility_faults(page) == []
    keep(page, f"apply-wrong-{locale}-{scheme}")
    page.fill("#contact_email", "sara@bahar.example")
    page.click("button[type=submit]")
    expect(page.locator("dd code").nth(1)).to_have_text(re.compile(r"^mk_test_[a-z2-7]{16}$"))
    expect(page.locator("dd code").nth(3)).to_have_text(re.compile(r"^hmac:[0-9a-f]{64}$"))
    assert overflow(page) == 0
    assert accessibility_faults(page) == []
    keep(page, f"applied-{locale}-{scheme}")
    with services.database.reading() as session:
        found = applications.applications(session)[0]
        whole = applications.application(
            session, services.vault, application_id=found.application_id
        )
    assert (found.name_en, found.state, found.locale) == ("Bahar Bakery", "waiting", locale)
    assert whole.contact is not None
    assert whole.contact.phone == "021 88776655"


def test_the_other_language_is_one_link_away_and_needs_no_script(
    pages: Pages, address: str
) -> None:
    page = pages.open(locale="fa-IR", script=False)
    page.goto(f"{address}/apply")
    page.click("text=English")
    assert page.locator("html").get_attribute("lang") == "en"
    fill(page)
    page.click("button[type=submit]")
    expect(page.locator("h1")).to_have_text("Thank you, we have your application")
    expect(page.locator("main")).to_contain_text("invitation code")
    keep(page, "applied-browser-en")
