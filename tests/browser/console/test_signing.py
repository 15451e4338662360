from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from network.clock import wall_now
from network.operators import queries, sessions
from tests.browser.console.conftest import House, Opener, fill_sign_in, follow


def test_sign_in_goes_where_one_wanted_and_out_again(house: House, opened: Opener) -> None:
    page = opened()
    page.goto("/merchants?sort=-fee")
    assert "/sign-in" in page.url
    added = house.add("viewer")
    fill_sign_in(page, added)
    assert page.url == f"{house.url}/merchants?sort=-fee"
    expect(page.get_by_role("heading", level=1)).to_have_text("Merchants")
    page.goto("/profile")
    follow(page, page.get_by_role("button", name="Sign out"))
    page.goto("/")
    assert "/sign-in" in page.url


def test_a_wrong_code_is_refused_without_a_reason(house: House, opened: Opener) -> None:
    page = opened()
    page.goto("/sign-in")
    added = house.add("viewer")
    fill_sign_in(page, added, code="000000")
    expect(page.get_by_role("alert")).to_contain_text("is wrong")
    expect(page.locator("#email")).to_have_value(added.operator.email)
    expect(page.locator("#password")).to_have_value("")
    fill_sign_in(page, added)
    assert page.url == f"{house.url}/"


def test_after_too_many_attempts_even_the_right_code_waits(house: House, opened: Opener) -> None:
    page = opened(locale="fa")
    page.goto("/sign-in")
    added = house.add("viewer", locale="fa")
    for _ in range(sessions.ATTEMPTS_PER_EMAIL):
        fill_sign_in(page, added, code="000000")
    fill_sign_in(page, added)
    expect(page.get_by_role("alert")).to_contain_text("یک ربع صبر کنید")
    with house.services.database.reading() as session:
        since = wall_now() - timedelta(hours=1)
        found = queries.sessions(session, operator_id=added.operator.operator_id, wall=since)
    assert found == []


def test_only_this_host_is_a_way_on(house: House, opened: Opener) -> None:
    page = opened()
    page.goto("/sign-in?next=//example.org/")
    fill_sign_in(page, house.add("viewer"))
    assert page.url == f"{house.url}/"


def test_a_sign_in_elsewhere_can_be_ended(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    with house.services.database.unit_of_work() as session:
        (found,) = (each for each in queries.all_operators(session) if each.email in _account(page))
        token = sessions.open_session(
            session,
            operator_id=found.operator_id,
            wall=wall_now(),
            user_agent="Another browser",
            address="192.0.2.1",
        )
    page.reload()
    page.get_by_role("button", name="End", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("has ended")
    with house.services.database.reading() as session:
        assert queries.by_session(session, token=token, wall=wall_now()) is None


def _account(page: object) -> str:
    page.goto("/profile")  # type: ignore[attr-defined]
    return str(page.inner_text("main"))  # type: ignore[attr-defined]
