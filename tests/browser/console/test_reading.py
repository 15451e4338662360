"""What a reader who knows clearing finds: statements to the last unit, and figures that agree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from network.clearing import nights
from network.clearing import queries as clearing
from network.clearing.checking import check_code
from network.clearing.facts import StatementView, WindowView
from network.clock import wall_now
from network.database.installation import ProgrammeClock
from network.ids import encode
from network.members.enrolment import enrol
from network.money import queries as money
from network.pools import service as pools
from tests.browser.console.conftest import House, fill_sign_in

CODES = ("mahtab", "sepand", "bostan", "dasht", "parto", "rayan")


@pytest.fixture(scope="module")
def window(house: House) -> WindowView:
    with house.services.database.reading() as session:
        found = clearing.window_of(session, business_date=house.story.first_day)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def statements(house: House, window: WindowView) -> dict[str, StatementView]:
    with house.services.database.reading() as session:
        return {each.merchant.code: each for each in clearing.statements(session, window=window)}


@pytest.fixture(scope="module")
def page(house: House, chromium: Browser) -> Iterator[Page]:
    """One operator reads all of it: signing in anew for each page would take longest."""
    context = chromium.new_context(locale="en-GB", base_url=house.url)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto("/sign-in")
    fill_sign_in(page, house.add("operator"))
    yield page
    context.close()


def number(text: str) -> int:
    return int(text.replace(",", "").replace("−", "-").replace("\u200e", "").replace("+", ""))


def test_each_statement_adds_up_on_its_page(
    window: WindowView, statements: dict[str, StatementView], page: Page
) -> None:
    public = encode("win", window.window_id)
    assert set(statements) == set(CODES)
    for code, statement in statements.items():
        page.goto(f"/merchants/{code}/statements/{public}")
        expect(page.locator("main")).to_contain_text("Adds up to the sums above")
        totals = statement.totals
        balance = page.get_by_role("region", name="How the balance came about")
        figures = [number(each) for each in balance.locator("td").all_inner_texts()]
        assert figures[:3] == [totals.receivable, totals.payable, totals.fees]
        assert figures[-1] == totals.closing
        kinds = page.get_by_role("region", name="Every obligation behind this statement")
        amounts = kinds.locator("tbody tr:not(.total) td:last-child").all_inner_texts()
        assert sum(map(number, amounts)) == totals.net - totals.deposit_used
        foot = kinds.locator("tfoot td:last-child").all_inner_texts()
        assert [number(each) for each in foot] == [
            totals.net,
            *([-totals.deposit_used] if totals.deposit_used else []),
        ]
    assert statements["sepand"].totals.deposit_used > 0
    assert statements["mahtab"].totals.vat > 0


def test_a_statement_leads_to_its_obligations_and_its_payment(
    house: House, window: WindowView, page: Page
) -> None:
    with house.services.database.reading() as session:
        payment = money.payments(session, window_id=window.window_id)[0]
    public = encode("win", window.window_id)
    page.goto(f"/merchants/{payment.merchant.code}/statements/{public}")
    state = page.locator(f"main a[href$='{encode('pay', payment.fact.payment_id)}']")
    wanted = "Awaited from the merchant" if payment.fact.awaited else "Not released yet"
    expect(state).to_have_text(wanted)
    page.locator("tbody a[href*='/settlement/obligations/obl_']").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("owes")
    page.goto(f"/settlement/windows/{public}")
    expect(
        page.locator(f"main a[href*='/merchants/mahtab/statements/{public}']").first
    ).to_have_text("Mahtab Market")


def test_today_says_what_the_payments_say(house: House, window: WindowView, page: Page) -> None:
    with house.services.database.reading() as session:
        totals = money.release_totals(session, window_id=window.window_id)
        said = nights.window_totals(session, window_ids=[window.window_id])[window.window_id]
    assert (said.to_pay, said.to_collect) == (totals.payout_total, totals.collection_total)
    page.goto("/")
    row = page.locator(f"tr:has(a[href='/settlement/nights/{window.first_day}'])")
    shown = [number(each) for each in row.locator("td.number").all_inner_texts()]
    assert shown[1:] == [totals.payout_total, totals.collection_total]


def test_what_is_given_back_is_not_said_to_be_owed(
    house: House, window: WindowView, page: Page
) -> None:
    with house.services.database.reading() as session:
        found = clearing.obligations(session, window=window)
    back = next(each for each in found if each.fact.kind == "redeposit")
    page.goto(f"/settlement/obligations/{encode('obl', back.fact.obligation_id)}")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("gives back to")
    expect(heading).not_to_contain_text("owes")


def test_a_posting_leads_to_its_own_obligations(
    house: House, window: WindowView, page: Page
) -> None:
    member_id, shop, sequence = house.story.redeemed[0]
    entry = house.services.entry_ids.encode(prefix="red", member_id=member_id, sequence=sequence)
    page.goto(f"/entries/{entry}")
    links = page.locator("tbody a[href*='/settlement/obligations/obl_']")
    addresses = {link.get_attribute("href") for link in links.all()}
    with house.services.database.reading() as session:
        behind = {
            f"/settlement/obligations/{encode('obl', each.fact.obligation_id)}"
            for each in clearing.obligations(session, window=window)
            for line in clearing.obligation_lines(
                session, obligation_id=each.fact.obligation_id, limit=1000
            )
            if (line.member_id, line.sequence) == (member_id, sequence)
        }
    assert addresses == behind
    assert behind
    expect(page.locator("main")).to_contain_text(shop.key_id)


def test_figures_kinds_and_check_codes_are_found(
    window: WindowView, statements: dict[str, StatementView], page: Page
) -> None:
    address = f"/settlement/windows/{encode('win', window.window_id)}/obligations"
    page.goto(f"{address}?kind=margin")
    rows = page.get_by_role("region", name="Obligations").locator("tbody tr")
    assert set(rows.locator("td:nth-child(5)").all_inner_texts()) == {"Network's margin"}
    amount = rows.first.locator("td.strong").inner_text()
    page.goto(f"{address}?kind=margin&q={amount}")
    assert amount in rows.locator("td.strong").all_inner_texts()
    page.goto(f"{address}?q=VAT on the margin")
    assert set(rows.locator("td:nth-child(5)").all_inner_texts()) == {"VAT on the margin"}
    page.fill("#search", check_code(statements["dasht"].digest))
    page.press("#search", "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Statement of Green Plain Butchers")


def test_the_pool_is_bridged_from_before_to_after(window: WindowView, page: Page) -> None:
    address = f"/settlement/windows/{encode('win', window.window_id)}/obligations"
    page.goto(f"{address}?party=network:pool")
    bridge = page.get_by_role("region", name="The pool through this window")
    before, *moved, after = map(number, bridge.locator("td").all_inner_texts())
    assert before + sum(moved) == after > 0


def test_a_shared_wallet_s_page_says_who_is_in_it_and_the_member_s_leads_there(
    house: House, page: Page
) -> None:
    services, now = house.services, ProgrammeClock(house.services.database).now()
    with services.database.unit_of_work() as session:
        member_id = enrol(
            session,
            services.vault,
            phone="09351112233",
            consents=["membership"],
            locale="fa",
            name="Sara Rad",
            now=now,
        )
    with services.database.unit_of_work() as session:
        made = pools.make(session, member_id=member_id, kind="family", now=now, wall=wall_now())
    page.goto(f"/members/{encode('mem', member_id)}")
    page.get_by_role("link", name=encode("mem", made.pool_id)).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A shared wallet")
    people = page.get_by_role("region", name="Who shares this wallet, and who did")
    expect(people.locator("tbody tr")).to_have_count(1)
    expect(people).to_contain_text("S••• R•••")
    expect(people).to_contain_text("Owner")
