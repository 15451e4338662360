"""A merchant comes in through the console: reviewed, given keys and stores, suspended, let go."""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page, expect

from network.clock import local_date, wall_now
from network.database.migrate import schema_digest
from network.ids import encode
from network.merchants import applications, queries, service
from network.merchants.access_epoch import EPOCH_KEY
from network.merchants.applications import Applied, Contact
from network.operators.models import AuditLog
from network.sandboxes import service as sandboxes
from network.sandboxes.queries import sandbox_of
from network.settings import PROGRAMME_ZONE
from tests.browser.conftest import accessibility_faults, overflow
from tests.browser.console.conftest import House, Opener, follow

PICTURES = os.environ.get("PEYVAND_PICTURES")
"""Where the pages are kept to be looked at; nowhere unless asked for."""


def applied(house: House, name: str) -> Applied:
    """Have a bakery apply."""
    with house.services.database.unit_of_work() as session:
        return applications.apply(
            session,
            house.services.vault,
            name_fa="نان بهار",
            name_en=name,
            kind="grocer",
            contact=Contact(
                name="سارا امینی",
                email="sara@bahar.example",
                phone="02188776655",
                message="هفت شعبه در تهران داریم.",
            ),
            locale="fa",
            address=name,
            website="https://bahar.example/",
            now=wall_now(),
        )


def public_key() -> str:
    """Return a fresh public key as a merchant sends it."""
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def look(page: Page, name: str) -> None:
    """Hold a page to what every page is held to, and keep it where somebody wants to look."""
    assert overflow(page) == 0
    assert accessibility_faults(page) == []
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("locale", ["en", "fa"])
def test_an_application_becomes_a_merchant(house: House, signed_in: Opener, locale: str) -> None:
    name, code = f"Bahar Bakery {locale}", f"bahar-{locale}"
    door = applied(house, name)
    page = signed_in("operator", locale=locale, viewport={"width": 1280, "height": 860})
    page.goto("/merchants")
    page.locator("a[href='/applications']").click()
    look(page, f"applications-{locale}")
    row = page.locator("tbody tr", has=page.locator(f"a[href$='{_public(door)}']"))
    row.locator("a").click()
    expect(page.locator("main")).to_contain_text("sara@bahar.example")
    look(page, f"application-{locale}")
    page.fill("#code", "Not A Code")
    page.locator("form[action$='/approve'] button").click()
    expect(page.locator("#code-error")).to_be_visible()
    page.fill("#code", code)
    page.locator("form[action$='/approve'] button").click()
    page.wait_for_url(f"**/merchants/{code}")

    page.goto(f"/merchants/{code}/manage")
    page.select_option("#environment", "live")
    page.fill("#public_key", public_key())
    page.locator("form[action$='/keys'] button").click()
    expect(page.get_by_role("alert")).to_be_visible()  # no signed test call yet
    assert door.key is not None
    with house.services.database.unit_of_work() as session:
        day = local_date(wall_now(), zone=PROGRAMME_ZONE)
        service.note_key_use(session, key_id=door.key.key_id, day=day)
    page.select_option("#environment", "live")
    page.fill("#public_key", public_key())
    page.locator("form[action$='/keys'] button").click()
    expect(page.locator("tbody th", has_text="mk_live_")).to_have_count(1)
    look(page, f"manage-{locale}")
    with house.services.database.reading() as session:
        assert queries.merchant(session, code=code).status == "active"


def test_declining_forgets_who_applied(house: House, signed_in: Opener) -> None:
    door = applied(house, "Declined Bakery")
    page = signed_in("operator")
    page.goto(f"/applications/{_public(door)}")
    page.locator("form[action$='/decline'] button").click()
    expect(page.locator("#reason-error")).to_be_visible()
    with house.services.database.reading() as session:
        acts = session.query(AuditLog).filter(AuditLog.action == "application.read").all()
        read = [each for each in acts if each.facts["application"] == _public(door)]
    assert len(read) == 2  # the page with what is wrong shows the contact again
    page.fill("#reason", "No shop at this address")
    page.locator("form[action$='/decline'] button").click()
    page.goto(f"/applications/{_public(door)}")
    expect(page.locator("main")).to_contain_text("No shop at this address")
    expect(page.locator("main")).not_to_contain_text("sara@bahar.example")
    assert door.key is not None
    with house.services.database.reading() as session:
        key = queries.key(session, key_id=door.key.key_id)
        assert key is not None
        assert key.revoked_at is not None
    page.goto(f"/applications/{_public(door)}")
    assert page.locator("form[action$='/approve']").count() == 0


def test_keys_stores_and_tills(house: House, signed_in: Opener) -> None:
    page = signed_in("operator")
    page.goto("/merchants/mahtab")
    page.get_by_role("link", name="Keys and stores").click()
    page.locator("form[action$='/keys'] button").click()  # a shared secret for tests
    expect(page.locator("dd .code")).to_have_text(re.compile(r"^hmac:[0-9a-f]{64}$"))
    look(page, "key-made")
    page.goto("/merchants/mahtab/manage")
    assert "hmac:" not in page.content()
    epoch = _epoch(house)
    page.get_by_role("row", name=re.compile("mk_test_")).get_by_role("button").click()
    expect(page.get_by_role("row", name=re.compile("mk_test_"))).to_contain_text("Revoked")
    assert _epoch(house) == epoch + 1  # every gateway process reads keys anew

    page.fill("#store", "2")
    page.fill("#name_fa", "شعبهٔ دوم")
    page.fill("#name_en", "Second branch")
    page.locator("form[action$='/stores'] button", has_text="Add").click()
    page.select_option("#till-store", "2")
    page.fill("#terminal", "T-1")
    page.fill("#name", "Counter")
    page.locator("form[action$='/terminals'] button", has_text="Add").click()
    row = page.get_by_role("row", name=re.compile("Second branch"))
    expect(row).to_contain_text("Counter")
    page.select_option("#till-store", "2")
    page.fill("#terminal", "T-1")
    page.locator("form[action$='/terminals'] button", has_text="Close").click()
    expect(row).to_contain_text("Closed")
    page.fill("#store", "2")
    page.fill("#name_fa", "شعبهٔ میدان")
    page.fill("#name_en", "Square")
    page.get_by_role("button", name="Rename the store with this code").click()
    renamed = page.get_by_role("row", name=re.compile("Square 2"))
    expect(renamed).to_be_visible()
    renamed.get_by_role("button", name="Close 2").click()
    expect(page.get_by_role("row", name=re.compile("Square 2"))).not_to_contain_text("Open")


def test_suspension_takes_one_person_and_its_end_an_approver(
    house: House, signed_in: Opener
) -> None:
    page = signed_in("operator")
    page.goto("/merchants/parto/manage")
    page.locator("form[action$='/suspend'] button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.fill("#reason", "Stolen key")
    page.locator("form[action$='/suspend'] button").click()
    expect(page.locator("main")).to_contain_text("An approver can let it go on.")
    approver = signed_in("approver")
    approver.goto("/merchants/parto/manage")
    look(approver, "suspended")
    approver.get_by_role("button", name="Let it go on").click()
    expect(approver.locator(".page-head .badge")).to_have_text("Active")
    approver.fill("#leaves_on", "1999-01-01")
    approver.get_by_role("button", name="Write the exit down").click()
    expect(approver.get_by_role("alert")).to_be_visible()
    today = local_date(house.story.programme.now(), zone=PROGRAMME_ZONE)
    approver.fill("#leaves_on", today.isoformat())
    approver.get_by_role("button", name="Write the exit down").click()
    expect(approver.locator(".page-head .badge")).to_have_text("Leaving")
    expect(approver.locator("main")).to_contain_text("in wallets")
    assert approver.get_by_role("button", name="End the exit").count() == 0
    look(approver, "leaving")
    approver.goto("/audit")
    expect(approver.locator("main")).to_contain_text("Suspended a merchant")
    expect(approver.locator("main")).to_contain_text("Wrote an exit down")


@pytest.mark.parametrize(
    "path", ["/merchants/mahtab/manage", "/applications/app_aaaaaaaaaaaaaaaaaaaaaaaaaa"]
)
def test_viewers_have_no_business_here(signed_in: Opener, path: str) -> None:
    page = signed_in("viewer")
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 403


@pytest.mark.parametrize("locale", ["en", "fa"])
def test_a_sandbox_is_shown_and_emptied(house: House, signed_in: Opener, locale: str) -> None:
    database, code = house.services.database, {"en": "sepand", "fa": "mahtab"}[locale]
    with database.reading() as session:
        merchant_id = queries.merchant(session, code=code).merchant_id
    page = signed_in("operator", locale=locale, viewport={"width": 390, "height": 800})
    page.goto(f"/merchants/{code}")
    expect(page.locator("form[action$='/sandbox/reset']")).to_have_count(0)  # none yet
    _spare(house)
    with database.unit_of_work() as session:
        sandboxes.take(
            session, merchant_id=merchant_id, schema_digest=schema_digest(), now=wall_now()
        )
    page.reload()
    look(page, f"merchant-sandbox-{locale}")
    empty = page.locator("form[action$='/sandbox/reset'] button")
    follow(page, empty)
    expect(page.get_by_role("alert")).to_be_visible()  # nobody made a fresh one
    _spare(house)
    follow(page, empty)
    expect(page.get_by_role("status")).to_be_visible()
    with database.reading() as session:
        found = sandbox_of(session, merchant_id=merchant_id)
        acts = session.query(AuditLog).filter(AuditLog.action == "sandbox.reset").all()
    assert found is not None
    mine = [each for each in acts if each.subject == f"merchant:{code}"]
    assert [each.facts["sandbox"] for each in mine] == [found.database_name]


def _spare(house: House) -> None:
    """Write a spare down, as if its database had been made."""
    with house.services.database.unit_of_work() as session:
        spare = sandboxes.begin(session, schema_digest=schema_digest(), now=wall_now())
        sandboxes.finish(session, sandbox_id=spare, schema_digest=schema_digest(), now=wall_now())


def _public(door: Applied) -> str:
    return encode("app", door.application_id)


def _epoch(house: House) -> int:
    with redis.Redis.from_url(house.services.settings.redis_url) as client:
        return int(client.get(EPOCH_KEY) or 0)


@pytest.mark.parametrize("locale", ["en", "fa"])
def test_terms_are_proposed_with_what_they_would_come_to(
    house: House, signed_in: Opener, locale: str
) -> None:
    shop = "dasht" if locale == "en" else "rayan"
    size = {"width": 1280, "height": 860} if locale == "en" else {"width": 390, "height": 844}
    page = signed_in("operator", locale=locale, viewport=size)
    page.goto(f"/merchants/{shop}/terms/new")
    page.fill("#effective_from", "2020-01-01")
    page.fill("#reason", "A new season")
    page.locator("form[action$='/terms'] button").click()
    expect(page.locator("#effective_from-error")).to_be_visible()
    look(page, f"terms-form-{locale}")
    page.fill("#effective_from", "2090-01-01")
    page.fill("#base_rate", "12.5")
    page.fill("#category_rates", "fruit = ۲۵")
    page.locator("form[action$='/terms'] button").click()
    expect(page.locator("#terms form[action$='/decline']")).to_be_visible()
    look(page, f"terms-waiting-{locale}")
    page.goto("/programme")
    expect(page.locator("#shops form[action$='/decline']").first).to_be_visible()
    look(page, f"programme-{locale}")
