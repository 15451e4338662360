"""A merchant's webhooks on the console: endpoints, attempts, another delivery, disabling."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from network.clock import wall_now
from network.events.feed import Happening
from network.events.webhooks import deliveries, endpoints, queries
from network.events.webhooks.deliveries import Ending
from network.merchants import queries as merchants
from network.operators.models import AuditLog
from tests.browser.conftest import accessibility_faults, overflow
from tests.browser.console.conftest import House, Opener


@pytest.fixture(scope="module")
def merchant(house: House) -> tuple[str, UUID]:
    """Return a merchant with one endpoint and one delivery that was not taken."""
    now = wall_now()
    with house.services.database.unit_of_work() as session:
        chosen = merchants.all_merchants(session, active_only=True)[0]
        endpoints.create(
            session,
            house.services.vault,
            merchant_id=chosen.merchant_id,
            url="https://shop.example/hook",
            description="till",
            types=["earning.created"],
            now=now,
        )
        happening = Happening(
            merchant_id=chosen.merchant_id, type="earning.created", occurred_at=now, data={}
        )
        deliveries.tell(session, happenings=[happening], now=now)
        (attempt,) = deliveries.begin(session, now=now, limit=1, each=1)
        ending = Ending(attempt=attempt, outcome="refused", status=500, finished_at=now, chance=0.5)
        deliveries.end(session, endings=[ending])
    return chosen.code, chosen.merchant_id


@pytest.mark.parametrize("locale", ["en", "fa"])
def test_what_was_posted_can_be_seen_and_sent_again(
    house: House, signed_in: Opener, merchant: tuple[str, UUID], locale: str
) -> None:
    code, merchant_id = merchant
    page = signed_in("operator", locale=locale, viewport={"width": 1280, "height": 860})
    page.goto(f"/merchants/{code}")
    page.locator(f"a[href='/merchants/{code}/webhooks']").click()
    expect(page.locator("main")).to_contain_text("https://shop.example/hook")
    expect(page.locator("main")).to_contain_text("500")
    assert overflow(page) == 0
    assert accessibility_faults(page) == []
    with house.services.database.reading() as session:
        (before,) = queries.deliveries(session, merchant_id=merchant_id, limit=10)
    page.locator("form[action$='/redeliver'] button").click()
    expect(page.locator(".notice.good, .flash.good").first).to_be_visible()
    with house.services.database.reading() as session:
        (after,) = queries.deliveries(session, merchant_id=merchant_id, limit=10)
    assert after.event == before.event
    assert after.next_attempt_at != before.next_attempt_at
    page.locator("form[action$='/state'] button").click()
    expect(page.locator("form[action$='/redeliver']")).to_have_count(0)
    page.locator("form[action$='/state'] button").click()
    expect(page.locator("form[action$='/redeliver']")).to_have_count(1)
    with house.services.database.reading() as session:
        acts = session.scalars(select(AuditLog.action).order_by(AuditLog.sequence.desc()).limit(3))
        assert list(acts) == ["webhook.enabled", "webhook.disabled", "webhook.redelivered"]


def test_a_viewer_looks_and_changes_nothing(signed_in: Opener, merchant: tuple[str, UUID]) -> None:
    page = signed_in("viewer")
    page.goto(f"/merchants/{merchant[0]}/webhooks")
    expect(page.locator("main")).to_contain_text("https://shop.example/hook")
    expect(page.locator("main form[method=post]")).to_have_count(0)
    assert page.goto(f"/merchants/{merchant[0]}/webhooks?before=x") is not None
    expect(page.locator("main")).to_contain_text("404")
