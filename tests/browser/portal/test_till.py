"""A cashier's till on a phone, in Persian: earning, paying, undoing, and an answer that is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route, expect

from network.language import persian_digits
from tests.browser.conftest import DESK, Pages
from tests.browser.portal.conftest import cookies_of, kinds, looked_at
from tests.integration.gateway.house import House
from tests.integration.portal.desk import PASSWORD, Desk

PERSIAN = dict(zip("QWERTYUIOPASDFGHJKLZXCVBNM;", "ضصثقفغعهخحشسیبلاتنمظطزرذدپک", strict=True))
"""What the keys of a Latin keyboard give under a Persian layout."""


@contextmanager
def shown_anew(page: Page) -> Iterator[None]:
    """Wait at the end until what was asked for stands on the page."""
    page.evaluate("document.querySelector('main').dataset.before = 'yes'")
    yield
    expect(page.locator("main:not([data-before])")).to_be_visible()


def scan(page: Page, member: str, *, amount: str) -> None:
    """Scan or type a customer, which ends with Enter, then the amount, which does too."""
    page.locator("#member").fill(member)
    page.locator("#member").press("Enter")
    expect(page.locator("#amount")).to_be_focused()
    page.locator("#amount").press_sequentially(amount)
    page.locator("#amount").press("Enter")
    page.wait_for_url("**/till/check")


def test_a_cashier_serves_a_customer_on_a_phone(pages: Pages, house: House, desk: Desk) -> None:
    person, clerk = house.member(), desk.invited("cashier", name="سارا کیانی")
    page = pages.open()
    page.goto(f"{desk.url}/")
    looked_at(page)
    page.fill("#login", clerk.login)
    page.fill("#password", PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_url("**/till")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    looked_at(page)

    scan(page, persian_digits(person.phone), amount="۲۰۰۰۰۰")
    expect(page.locator(".amounts")).to_contain_text("۲۰۰ امتیاز")
    looked_at(page)
    page.get_by_role("button", name="ثبت خرید").press("Enter")
    page.wait_for_url("**/till/acts/**")
    expect(page.locator(".receipt .count")).to_contain_text("۲۰۰")
    looked_at(page)

    page.get_by_role("link", name="مشتری بعدی").click()
    scan(page, person.code(limit=100)["code"], amount="50000")
    page.locator("#pay").fill("۲۰٬۰۰۰")
    page.get_by_role("button", name="برداشت امتیاز").click()
    expect(page.locator("#pay-error, .notice.bad").first).to_contain_text("سقفی")
    page.locator("#pay").fill("")
    page.locator("#pay").press_sequentially("6000")
    assert page.locator("#pay").input_value() == "6٬000"
    page.get_by_role("button", name="برداشت امتیاز").click()
    page.wait_for_url("**/till/acts/**")
    expect(page.locator(".receipt .count")).to_contain_text("۶۰")
    expect(page.locator(".big-sum")).to_contain_text("۴۴٬۰۰۰ تومان")
    looked_at(page)
    expect(page.get_by_role("button", name="ثبت مانده")).to_be_focused()
    scan_under_persian(page, person.card)  # the next customer's, though the rest is not booked
    page.keyboard.press("Enter")
    expect(page.locator("#stray-scan")).to_contain_text("اسکن نمی‌پذیرد")
    looked_at(page)
    assert kinds(house, person) == ["issuance", "redemption"]

    page.locator(".undo summary").click()
    page.get_by_role("button", name="برگرداندن همه").click()
    expect(page.locator(".receipt h1 .badge")).to_be_visible()
    assert kinds(house, person) == ["issuance", "redemption", "refund_redemption"]

    page.goto(f"{desk.url}/account")
    looked_at(page)
    page.locator("#password").fill(PASSWORD)
    page.locator("#pin").fill("۴۸۲۱")
    page.locator("#repeated").fill("4821")
    page.get_by_role("button", name="ثبت پین").click()
    expect(page.locator(".notice.good").first).to_contain_text("پین شما ثبت شد")
    page.goto(f"{desk.url}/till")
    page.get_by_role("button", name="قفل یا تحویل صندوق").click()
    page.wait_for_url("**/till/lock")
    looked_at(page)
    page.locator("#pin").press_sequentially("4821")
    page.locator("#pin").press("Enter")
    page.wait_for_url("**/till")


def test_a_shop_pc_needs_no_mouse(pages: Pages, house: House, desk: Desk) -> None:
    person, other, clerk = house.member(), house.member(), desk.person("cashier")
    clerk.buy(person.phone, amount=500_000)
    page = pages.open(locale="en-GB", viewport=DESK)
    page.context.add_cookies(cookies_of(clerk, desk))  # type: ignore[arg-type]
    page.goto(f"{desk.url}/till")
    keys = page.keyboard

    # Scan, amount, book: three times Enter. What is typed is cleared with Escape, and typed anew.
    expect(page.locator("#member")).to_be_focused()
    keys.type("12")
    keys.press("Escape")
    expect(page.locator("#member")).to_have_value("")
    keys.type(person.card)
    keys.press("Enter")
    expect(page.locator("#amount")).to_be_focused()
    keys.type("20000")
    keys.press("Enter")
    page.wait_for_url("**/till/check")
    expect(page.get_by_role("button", name="Book the purchase")).to_be_focused()
    expect(page.locator(".keys")).to_be_visible()
    looked_at(page)

    # The wallet's code, scanned onto the button: Enter books nothing, the customer may pay now.
    keys.type(person.code(limit=100)["code"])
    with shown_anew(page):
        keys.press("Enter")
    expect(page.get_by_role("button", name="Take the points")).to_be_visible()
    assert kinds(house, person) == ["issuance"]
    page.locator("#pay").focus()
    keys.press("Escape")  # out of the field, to what Enter would do
    expect(page.get_by_role("button", name="Book the purchase")).to_be_focused()
    with page.expect_navigation():
        keys.press("Escape")
    expect(page.locator(".notice.good")).to_contain_text("nothing was booked")

    # Book another, undo it by keys alone, and scan the next customer from the receipt.
    keys.type(person.card)
    keys.press("Enter")
    expect(page.locator("#amount")).to_be_focused()
    keys.type("30000")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Book the purchase")).to_be_focused()
    keys.press("Enter")
    page.wait_for_url("**/till/acts/**")
    expect(page.get_by_role("link", name="Next customer")).to_be_focused()
    keys.press("Escape")
    expect(page.get_by_role("button", name="Undo all of it")).to_be_focused()
    keys.press("Enter")
    expect(page.locator(".receipt h1 .badge")).to_be_visible()
    assert kinds(house, person) == ["issuance", "issuance", "refund_issuance"]
    expect(page.get_by_role("link", name="Next customer")).to_be_focused()
    keys.type(other.card)
    keys.press("Enter")
    page.wait_for_url("**/till/check")
    expect(page.locator("#amount")).to_be_focused()
    # Without a network what was typed stays, and is asked again.
    keys.type("10000")
    page.context.set_offline(True)
    keys.press("Enter")
    expect(page.locator("#no-answer")).to_be_visible()
    expect(page.locator("#amount")).to_have_value("10,000")
    page.context.set_offline(False)
    keys.press("Enter")
    expect(page.get_by_role("button", name="Book the purchase")).to_be_focused()

    # Asking the customer: what comes back is shown, and a wrong code counts once.
    page.goto(f"{desk.url}/till")
    scan(page, person.card, amount="30000")
    page.locator("#pay").fill("5000")
    page.locator("#pay").press("Enter")
    expect(page.locator("#code")).to_be_focused()
    expect(page.locator(".amounts")).to_contain_text("5,000 tomans")
    looked_at(page)
    keys.type("12")
    keys.press("Enter")
    expect(page.locator("#code-error, .notice.bad").first).to_contain_text("4 more tries")
    keys.press("Escape")
    expect(page.locator(".notice.good")).to_contain_text("nothing was booked")


def test_a_scan_under_a_persian_layout_presses_no_button(
    pages: Pages, house: House, desk: Desk
) -> None:
    person, other, clerk = house.member(), house.member(), desk.person("cashier")
    page = pages.open(viewport=DESK)
    page.context.add_cookies(cookies_of(clerk, desk))  # type: ignore[arg-type]
    page.goto(f"{desk.url}/till")
    keys, stray = page.keyboard, page.locator("#stray-scan")

    # Into the customer's field: the letters that the layout made become those that were scanned.
    scan_under_persian(page, person.code(limit=100)["code"])
    keys.press("Enter")
    expect(page.locator(".notice.good")).to_be_visible()
    expect(page.locator("#amount")).to_be_focused()
    # Into the amount: the digits of a code are no amount.
    scan_under_persian(page, person.code(limit=100)["code"])
    with shown_anew(page):
        keys.press("Enter")
    expect(page.locator("#amount")).to_have_value("")
    page.locator("#amount").press_sequentially("20000")
    page.locator("#amount").press("Enter")
    expect(page.get_by_role("button", name="ثبت خرید")).to_be_focused()

    # Onto the button that books: what can't be read is told, also with two line ends; a code is
    # that customer's.
    scan_under_persian(page, "AB; CD")
    keys.press("Enter")
    keys.press("Enter")
    expect(stray).to_contain_text("خوانده نشد")
    looked_at(page)
    scan_under_persian(page, other.code(limit=100)["code"])
    with shown_anew(page):
        keys.press("Enter")
    expect(stray).to_be_hidden()
    expect(page.get_by_role("button", name="ثبت خرید")).to_be_focused()
    assert kinds(house, person) == kinds(house, other) == []
    page.get_by_role("button", name="ثبت خرید").click()
    page.wait_for_url("**/till/acts/**")
    assert kinds(house, other) == ["issuance"]

    # Onto the button that refunds, where no scan is taken.
    page.locator(".undo summary").click()
    page.locator("#amount").fill("5000")
    page.locator("#amount").press("Enter")
    refund = page.get_by_role("button", name="ثبت برگشت")
    expect(refund).to_be_focused()
    scan_under_persian(page, person.card)
    keys.press("Enter")
    expect(stray).to_contain_text("اسکن نمی‌پذیرد")
    looked_at(page)
    assert kinds(house, other) == ["issuance"]
    refund.click()
    expect(page.locator(".receipt")).to_be_visible()
    assert kinds(house, other) == ["issuance", "refund_issuance"]


def scan_under_persian(page: Page, text: str) -> None:
    """Press what a scanner presses for a text, as a Persian layout tells the browser."""
    session = page.context.new_cdp_session(page)
    for each in text:
        code = {" ": "Space", ";": "Semicolon"}.get(each)
        code = code or ("Digit" if each.isdigit() else "Key") + each
        key = PERSIAN.get(each, persian_digits(each))
        told = {"key": key, "code": code}
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": key, **told})
        session.send("Input.dispatchKeyEvent", {"type": "keyUp", **told})
    session.detach()


def test_an_answer_that_is_lost_doubles_nothing(pages: Pages, house: House, desk: Desk) -> None:
    person, clerk = house.member(), desk.person("cashier")
    page = pages.open()
    page.context.add_cookies(cookies_of(clerk, desk))  # type: ignore[arg-type]
    page.goto(f"{desk.url}/till")
    # Who the customer is, asked on a line that breaks: what was typed stays, and is asked again.
    page.route("**/till/check", lambda route: route.abort(), times=1)
    page.locator("#member").fill(person.card)
    page.locator("#amount").fill("30000")
    page.locator("#amount").press("Enter")
    expect(page.locator("#no-answer")).to_contain_text("چیزی ثبت نشد")
    expect(page.locator("#member")).to_have_value(person.card)
    looked_at(page)
    page.get_by_role("button", name="ارسال دوباره").press("Enter")
    page.wait_for_url("**/till/check")
    expect(page.locator("#no-answer")).to_be_hidden()
    page.go_back()
    expect(page.locator("#member")).to_have_value("")
    scan(page, person.card, amount="30000")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/till/earn", lose, times=2)
    page.get_by_role("button", name="ثبت خرید").click()
    expect(page.locator("#no-answer")).to_be_visible()
    looked_at(page)
    page.get_by_role("button", name="ارسال دوباره").click()
    expect(page.locator("#no-answer")).to_be_visible()
    page.get_by_role("button", name="ارسال دوباره").click()
    page.wait_for_url("**/till/acts/**")
    expect(page.locator(".notice.warn").first).to_contain_text("دو بار ثبت نشد")
    assert kinds(house, person) == ["issuance"]
    page.goto(f"{desk.url}/till")
    expect(page.locator(".acts .act")).to_have_count(1)
    lost = [fault for fault in pages.faults if "/till/earn" in fault or "/till/check" in fault]
    assert len(lost) == 3
    pages.faults[:] = [fault for fault in pages.faults if fault not in lost]
