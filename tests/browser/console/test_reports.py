"""The operators' reports: their figures are those of the ledger, and lead on."""

from __future__ import annotations

import csv
import io
import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import fits_both_ways
from tests.browser.console.conftest import House, Opener, follow
from tests.browser.console.looking import number

PATHS = (
    "/reports",
    "/reports/expiry",
    "/reports/expiry?merchant=mahtab",
    "/reports/breakage",
    "/reports/movement",
    "/reports/movement/mahtab?days=7",
    "/reports/trade",
    "/reports/trade/mahtab",
    "/reports/proofs",
)


def test_liability_is_what_the_lots_hold(house: House, signed_in: Opener) -> None:
    with house.services.database.reading() as session:
        points, owed = session.execute(
            text("""
                SELECT sum(remaining + held)::bigint, sum((remaining + held) * price)
                FROM ledger.lot
            """)
        ).one()
    page = signed_in("analyst")
    page.goto("/reports")
    figures = page.locator(".figure")
    assert number(figures.filter(has_text="Points outstanding").locator(".value").inner_text()) == (
        points
    )
    assert number(figures.filter(has_text="Owed for them").locator(".value").inner_text()) == (
        round(owed)
    )
    table = page.locator("table", has_text="Points in wallets by issuer")
    assert number(table.locator("tfoot td.number").nth(1).inner_text()) == points
    expect(page.locator("td .badge.good").first).to_have_text("Signed")
    rows = exported(page)
    assert sum(int(row["points"]) for row in rows) == points
    follow(page, table.get_by_role("link", name="Expiry").first)
    lapsing = page.locator("table", has_text="Points that lapse").locator("tbody td.strong")
    aged = page.locator("table", has_text="how many days ago").locator("tbody td.strong")
    assert sum(map(number, lapsing.all_inner_texts())) == sum(map(number, aged.all_inner_texts()))


def test_movement_leads_down_to_postings(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    page.goto("/reports/movement")
    row = page.locator("table", has_text="Points by merchant").locator("tbody tr").first
    issued = number(row.locator("td.number").first.inner_text())
    follow(page, row.get_by_role("link"))
    days = page.locator("table", has_text="Points by business day").locator("tbody tr")
    assert sum(
        number(each) for each in days.locator("td.number:nth-child(2)").all_inner_texts()
    ) == (issued)
    link = days.locator("td.number:nth-child(2) a").first
    wanted = number(link.inner_text())
    follow(page, link)
    points = [number(each) for each in page.locator("tbody td:last-child").all_inner_texts()]
    assert sum(points) == wanted > 0


def test_what_one_gives_the_other_receives(house: House, signed_in: Opener) -> None:
    page = signed_in("analyst")
    page.goto("/reports/trade")
    rows = exported(page)
    assert sum(int(row["balance"]) for row in rows) == 0
    assert sum(int(row["taken_points"]) for row in rows) > 0
    table = page.locator("table", has_text="Trade by merchant")
    follow(page, table.locator("tbody th a").first)
    partner = page.locator("table", has_text="Partners").locator("tbody tr").first
    taken, spent = (number(each) for each in partner.locator("td.strong").all_inner_texts())
    follow(page, partner.get_by_role("link"))
    sums = [
        sum(number(each) for each in card.locator("tbody td:last-child.number").all_inner_texts())
        for card in page.locator(".columns .card").all()
    ]
    assert sums == [taken, spent]
    page.locator(".columns .card tbody th a").first.click()
    expect(page.locator(".figure", has_text="Points redeemed, less given back")).to_be_visible()


def test_the_nights_are_listed_with_their_roots(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    page.goto("/reports/proofs")
    with house.services.database.reading() as session:
        nights = session.execute(
            text("SELECT points, root FROM network.points_proof ORDER BY business_date DESC")
        ).all()
    rows = page.locator("table tbody tr")
    expect(rows).to_have_count(len(nights))
    assert number(rows.first.locator("td.strong").inner_text()) == nights[0].points > 0
    expect(rows.first.locator(".code").first).to_have_attribute("title", nights[0].root.hex())


@pytest.mark.parametrize("locale", ["fa", "en"])
def test_every_report_fits_and_reads(house: House, signed_in: Opener, locale: str) -> None:
    page = signed_in("viewer", locale=locale)
    for path in PATHS if locale == "fa" else PATHS[::3]:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        fits_both_ways(page)
        if locale == "fa":
            bare = re.sub(r"<(bdi|pre)\b.*?</\1>", "", page.inner_html("main"), flags=re.DOTALL)
            assert not re.search(r"[0-9]{2,}", re.sub(r"<[^>]+>", " ", bare)), path
    for path in ("/reports?days=8", "/reports/movement?days=365", "/reports/trade/nobody"):
        assert page.context.request.get(path).status == 404, path


def exported(page: Page) -> list[dict[str, str]]:
    """Return the rows of the page's file, as the signed-in person gets it."""
    answer = page.context.request.get(f"{page.url}?format=csv")
    return list(csv.DictReader(io.StringIO(answer.text().removeprefix("\ufeff"))))
