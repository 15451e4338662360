"""Every page of the wallet, in both languages, on a phone and a desk, light and dark."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import (
    DESK,
    PHONE,
    Pages,
    accessibility_faults,
    fits_both_ways,
    overflow,
)
from tests.browser.wallet.conftest import Wallet
from tests.browser.wallet.test_give import FRIEND
from tests.browser.wallet.test_requests import asked

PAGES = (
    "/",
    "/code",
    "/code/limit",
    "/movements",
    "/movements?kind=expired",
    "/partners",
    "/partners/mahtab",
    "/give",
    "/requests",
    "/pool",
    "/notices",
    "/contact",
    "/profile/export",
    "/profile",
    "/profile/leave",
    "/profile/security",
    "/profile/security/pin/new",
    "/proof",
    "/outbox",
    "/no-such-page",
)
LOOKS: tuple[tuple[Any, Literal["light", "dark"]], ...] = ((PHONE, "light"), (DESK, "dark"))
PERSIAN = re.compile("[\u0600-\u06ff]")


@pytest.mark.parametrize(("lang", "direction"), [("fa", "rtl"), ("en", "ltr")])
def test_every_page_reads_well_and_keeps_nobody_out(
    wallet: Wallet, pages: Pages, lang: str, direction: str
) -> None:
    member_id = wallet.enrol(name=None)
    wallet.coalition.live(member_id)
    wallet.prove_the_day()
    wallet.enrol(FRIEND)
    request = asked(wallet, member_id, points=1)
    state = wallet.signed_in(pages).context.storage_state()
    page = pages.open(state=state)
    page.goto(f"{wallet.url}/movements?kind=earned")
    detail = page.locator(".movement a").last.get_attribute("href") or ""
    page.goto(f"{wallet.url}/give")
    page.fill("#phone", FRIEND)
    page.fill("#points", "1")
    page.click("form.card button")
    page.wait_for_url("**/give/confirm")
    for path in ("/give/confirm", request, *PAGES, detail):
        page.goto(f"{wallet.url}{path}{'&' if '?' in path else '?'}lang={lang}")
        assert page.url.startswith(f"{wallet.url}{path}"), path
        expect(page.locator("html")).to_have_attribute("lang", lang)
        expect(page.locator("html")).to_have_attribute("dir", direction)
        assert bool(PERSIAN.search(page.title())) is (lang == "fa"), path
        fits_both_ways(page, in_both_languages=True)


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_the_way_in_keeps_nobody_out(wallet: Wallet, pages: Pages, lang: str) -> None:
    for number, (viewport, scheme) in enumerate(LOOKS):
        page = pages.open(viewport=viewport, scheme=scheme)
        page.goto(f"{wallet.url}/sign-in?lang={lang}")
        assert accessibility_faults(page) == []
        page.click(".door form button")
        expect(page.locator("#phone-error")).to_be_visible()
        assert accessibility_faults(page) == []
        page.fill("#phone", f"0912765432{number}")
        page.click(".door form button")
        page.wait_for_url("**/sign-in/code")
        assert accessibility_faults(page) == []
        page.fill("#code", wallet.code_for(page))
        page.click(".door form button >> nth=0")
        page.wait_for_url("**/sign-in/join")
        assert overflow(page) == 0
        assert accessibility_faults(page) == []
        page.check("#membership")
        page.click(".door form button")
        page.wait_for_url(f"{wallet.url}/")
        expect(page.locator(".empty")).to_be_visible()
        assert accessibility_faults(page) == []


def test_the_keyboard_reaches_the_content_first(wallet: Wallet, pages: Pages) -> None:
    wallet.enrol()
    page = wallet.signed_in(pages)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_the_navigation_is_at_the_thumb_on_a_phone(wallet: Wallet, pages: Pages) -> None:
    wallet.enrol()
    page = wallet.signed_in(pages)
    box = page.locator(".tabs").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == PHONE["height"]
