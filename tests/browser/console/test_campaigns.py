"""A campaign from its proposal to the entries behind its figures, and a member's tier."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from network.clock import local_date
from network.ids import encode
from network.members.tiers import add_tier, tier_of
from network.settings import PROGRAMME_ZONE
from tests.browser.conftest import accessibility_faults, overflow
from tests.browser.console.conftest import House, Opener


def propose(page: Page, house: House, code: str) -> None:
    """Fill the form of a bonus of 50 that a shop and the network pay for."""
    shop = house.story.shops[0]
    today = local_date(house.story.programme.now(), zone=PROGRAMME_ZONE)
    page.goto("/campaigns/new")
    fields = {
        "name_fa": "هدیهٔ پاییزی",
        "name_en": f"Autumn {code}",
        "code": code,
        "value": "50",
        "first_day": today.isoformat(),
        "last_day": today.isoformat(),
        "budget": "1000",
        "funders": f"{shop.code} 60, network 40",
        "merchants": shop.code,
    }
    for name, value in fields.items():
        page.fill(f"#{name}", value)
    page.get_by_role("button", name="Propose").click()


def test_two_people_let_a_campaign_run_and_its_figures_lead_to_entries(
    house: House, signed_in: Opener
) -> None:
    proposer = signed_in("approver")
    propose(proposer, house, "autumn")
    expect(proposer.locator("main")).to_contain_text("A colleague has to approve it")
    expect(proposer.get_by_role("button", name="Approve")).to_have_count(0)

    approver = signed_in("approver")
    approver.goto("/campaigns")
    approver.get_by_role("link", name="Autumn autumn").click()
    # Nothing given yet, and yet they see what they sign: what it costs whom at most.
    expect(approver.locator("main")).to_contain_text("600 points at most")
    network = approver.get_by_role("row", name=re.compile("^The network 40"))
    expect(network.locator("td.number").last).to_have_text("400,000")
    approver.get_by_role("button", name="Approve").click()
    expect(approver.locator("main")).to_contain_text("Approved. It runs on its days")

    shop = house.story.shops[0]
    for member in house.story.members[:2]:
        house.story.earn(member, shop, amount=2_400_000)
    page = signed_in("operator")
    page.goto("/campaigns/autumn")
    used = page.locator(".figure", has_text="Used of the budget").locator(".value")
    expect(used).to_have_text("100")
    entries = page.locator("#entries tbody tr")
    expect(entries).to_have_count(2)
    assert entries.locator("td.number").all_inner_texts() == ["50", "50"]
    funders = page.locator("table", has_text="Who pays").locator("tbody tr")
    assert funders.locator("td.strong").all_inner_texts() == ["60", "40"]
    entries.locator("th a").first.click()
    expect(page.locator(".why")).to_contain_text("a bonus of 50 points")
    expect(page.locator("main")).to_contain_text("The network")

    approver.goto("/campaigns/autumn")
    approver.get_by_role("button", name="Pause").click()
    expect(approver.locator("main")).to_contain_text("Paused: purchases from now on")
    house.story.earn(house.story.members[0], shop, amount=2_400_000)
    approver.get_by_role("button", name="Let it run on").click()
    approver.get_by_role("button", name="End").click()
    expect(approver.locator("main")).to_contain_text("Ended for good.")
    page.goto("/campaigns/autumn")
    expect(used).to_have_text("100")


def test_a_form_says_what_is_wrong_with_it(house: House, signed_in: Opener) -> None:
    page = signed_in("operator")
    propose(page, house, "Not A Code")
    expect(page.get_by_role("alert")).to_contain_text("Give a code of small letters")
    page.fill("#code", "fine")
    page.fill("#funders", "network 60")
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_role("alert")).to_contain_text("shares that add up to 100 %")


@pytest.mark.parametrize("locale", ["fa", "en"])
def test_the_pages_are_readable_by_everybody(house: House, signed_in: Opener, locale: str) -> None:
    page = signed_in("operator", locale=locale)
    for path in ("/campaigns", "/campaigns/new"):
        page.goto(path)
        assert overflow(page) == 0, path
        assert accessibility_faults(page) == []


def test_an_operator_moves_a_member_to_another_tier(house: House, signed_in: Opener) -> None:
    with house.services.database.unit_of_work() as session:
        add_tier(session, code="silver", rank=1, name_fa="نقره‌ای", name_en="Silver")
    member = house.story.members[0]
    page = signed_in("operator")
    page.goto(f"/members/{encode('mem', member)}")
    page.select_option("#tier", "silver")
    page.fill("#tier-reason", "Moved here with another club's card")
    page.get_by_role("button", name="Change").click()
    expect(page.locator("main")).to_contain_text("The tier was changed.")
    with house.services.database.reading() as session:
        assert tier_of(session, member_id=member) == "silver"
