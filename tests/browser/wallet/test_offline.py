"""The wallet without a network: the balance last seen, and a code that a till takes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from network.clock import wall_now
from network.members import queries
from network.members import service as members
from network.members.resolving import ResolvedMember, resolve
from tests.browser.conftest import PHONE, Pages, fits_both_ways
from tests.browser.wallet.conftest import Wallet


def at_the_till(wallet: Wallet, page: Page) -> ResolvedMember:
    """Return what a till learns from the code that a page shows."""
    code = (page.text_content(".kept .code-text") or "").replace(" ", "")
    with wallet.services.database.reading() as session:
        return resolve(session, wallet.services.vault, code=code, wall=wall_now())


def test_a_phone_without_network_shows_a_code_that_a_till_takes(
    wallet: Wallet, pages: Pages
) -> None:
    member_id = wallet.enrol()
    wallet.coalition.live(member_id)
    with wallet.services.database.unit_of_work() as session:
        members.set_spend_limit(session, member_id=member_id, limit=500)
    page = wallet.signed_in(pages, viewport=PHONE)
    balance = page.text_content(".balance .count") or ""
    expect(page.locator("html[data-offline=kept]")).to_be_attached()
    page.wait_for_function("navigator.serviceWorker.controller !== null")

    page.context.set_offline(True)
    for path in ("/code", "/movements"):
        page.goto(f"{wallet.url}{path}")
        expect(page.locator(".kept .qr svg")).to_be_visible()
    expect(page.locator(".kept [data-words=balance]")).to_contain_text(balance)
    expect(page.locator(".kept .carries")).to_contain_text("۵۰۰")
    found = at_the_till(wallet, page)
    assert found.member_id == member_id
    assert found.verified_code is not None
    assert found.verified_code.limit == 500
    assert found.verified_code.expires_at > wall_now()
    fits_both_ways(page)
    expect(page.locator(".kept .qr svg")).to_have_css("color", "rgb(0, 0, 0)")  # in the dark, too

    with wallet.services.database.unit_of_work() as session:
        vault = wallet.services.vault
        for each in queries.sessions(session, vault, member_id=member_id, now=wall_now()):
            members.end_session(
                session, member_id=member_id, session_id=each.session_id, wall=wall_now()
            )
    over = at_the_till(wallet, page).verified_code
    assert over is not None
    assert over.expires_at <= wall_now()

    page.context.set_offline(False)
    page.goto(f"{wallet.url}/code")  # the sign-in is over: nothing of it stays on the phone
    expect(page.locator("html[data-offline=forgotten]")).to_be_attached()
    page.goto(f"{wallet.url}/offline")
    expect(page.locator(".nothing")).to_be_visible()
    assert page.evaluate("caches.keys()") == []


def test_what_an_app_is_called_follows_its_reader(wallet: Wallet, pages: Pages) -> None:
    page = pages.open()
    for lang, direction in (("fa", "rtl"), ("en", "ltr")):
        page.goto(f"{wallet.url}/sign-in?lang={lang}")
        answer = page.context.request.get(f"{wallet.url}/manifest.webmanifest")
        manifest = answer.json()
        assert answer.headers["content-type"] == "application/manifest+json"
        assert (manifest["lang"], manifest["dir"]) == (lang, direction)
        for each in manifest["icons"]:
            icon = page.context.request.get(f"{wallet.url}{each['src']}")
            assert icon.status == 200
            assert icon.headers["content-type"].startswith(f"image/{_kind(each)}")
    assert page.context.request.get(f"{wallet.url}/offline/pack", max_redirects=0).status == 302


def _kind(icon: dict[str, str]) -> str:
    return "svg+xml" if icon["src"].endswith("svg") else "png"
