"""What a member does in the wallet, in a real browser on real services."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from network.clock import wall_now
from network.database.connection import Database
from network.ids import encode
from network.language import ascii_digits
from network.ledger import queries as ledger
from network.members.resolving import resolve
from network.proofs.judging import judge
from network.proofs.verify import verify
from network.signing.queries import published_keys
from tests.browser.conftest import PHONE, Pages, overflow
from tests.browser.wallet.conftest import Wallet


def shown_code(page: Page) -> str:
    """Return the rotating code that a page shows."""
    return (page.text_content(".code-text") or "").replace(" ", "")


def published_of(wallet: Wallet) -> list[dict[str, str]]:
    """Return the network's published keys."""
    with wallet.services.database.reading() as session:
        return published_keys(session)


def test_a_member_checks_the_network(wallet: Wallet, pages: Pages) -> None:
    member_id = wallet.enrol()
    wallet.coalition.live(member_id)
    night = wallet.prove_the_day()
    page = wallet.signed_in(pages, viewport=PHONE)
    page.goto(f"{wallet.url}/proof?lang=en")
    expect(page.locator(".notice.good")).to_contain_text("lead to the total")
    expect(page.locator("main")).to_contain_text(f"{night.points:,} points")
    page.locator("summary").click()
    assert overflow(page) == 0
    file = page.get_by_role("link", name="Download my proof").get_attribute("href")
    document = page.context.request.get(f"{wallet.url}{file}").json()
    found = verify(document, keys=published_of(wallet))
    assert (found.member, found.total) == (encode("mem", member_id), night.points)
    signed = page.get_by_role("link", name="30 days").get_attribute("href")
    judged = judge(
        page.context.request.get(f"{wallet.url}{signed}").json(), keys=published_of(wallet)
    )
    assert judged["said"]["member"] == encode("mem", member_id)
    assert judged["said"]["closing"] == found.points
    assert page.context.request.get(f"{wallet.url}/proof/peyvand-movements-31.json").status == 404
    for wrong in ("/proof?day=1999-01-01", "/proof?day=x", "/proof/peyvand-proof-1999-01-01.json"):
        assert page.context.request.get(f"{wallet.url}{wrong}").status == 404


@pytest.mark.parametrize("script", [True, False])
def test_a_person_joins_and_leaves(wallet: Wallet, pages: Pages, *, script: bool) -> None:
    page = pages.open(script=script)
    page.goto(f"{wallet.url}/movements")
    expect(page).to_have_url(f"{wallet.url}/sign-in?next=/movements")
    page.fill("#phone", "۰۹۱۲ ۷۶۵ ۴۳۲۱")
    page.click(".door form button")
    page.wait_for_url("**/sign-in/code")
    page.fill("#code", wallet.code_for(page))
    page.click(".door form button >> nth=0")
    page.wait_for_url("**/sign-in/join")
    page.fill("#name", "كيان")
    page.click(".door form button")
    error = page.locator("#membership-error")
    expect(error).to_have_text("بدون این موافقت نمی‌توان کیف امتیاز باز کرد.")
    expect(page.locator("#membership")).to_have_attribute("aria-invalid", "true")
    page.check("#membership")
    page.click(".door form button")
    page.wait_for_url("**/movements")
    page.goto(wallet.url)
    expect(page.locator(".greeting")).to_have_text("سلام کیان")
    expect(page.locator(".hero .count")).to_have_text("۰")
    page.goto(f"{wallet.url}/profile")
    expect(page.locator(".facts").first).to_contain_text("۰۹۱۲ ۷۶۵ ۴۳۲۱")
    page.click(".sign-out button")
    page.wait_for_url("**/sign-in")
    page.goto(wallet.url)
    expect(page).to_have_url(f"{wallet.url}/sign-in")


def test_a_wrong_code_says_how_many_tries_are_left(wallet: Wallet, pages: Pages) -> None:
    page = pages.open(locale="en-GB")
    page.goto(f"{wallet.url}/sign-in")
    page.fill("#phone", "12")
    page.click(".door form button")
    expect(page.locator("#phone-error")).to_contain_text("This is not a mobile number.")
    page.fill("#phone", "+98 912 765 4321")
    page.click(".door form button")
    page.wait_for_url("**/sign-in/code")
    right = wallet.code_for(page)
    page.fill("#code", f"{(int(right) + 1) % 1_000_000:06}")
    page.click(".door form button >> nth=0")
    expect(page.locator("#code-error")).to_have_text("This is not the code we sent. 4 more tries.")
    page.fill("#code", "۱۲۳")
    page.click(".door form button >> nth=0")
    expect(page.locator("#code-error")).to_have_text("The code has six digits.")
    page.click(".again button")
    expect(page.locator("#phone-error")).to_contain_text("A code was sent a moment ago.")


def test_the_code_carries_the_limit_and_the_lock_takes_it_away(
    wallet: Wallet, pages: Pages
) -> None:
    member_id = wallet.enrol()
    wallet.coalition.buy(member_id, "mahtab", amount=300_000_000)
    page = wallet.signed_in(pages)
    page.click(".show-code")
    assert _limit_of(wallet, page) == 0
    page.click("text=مقدار دیگر")
    page.fill("#limit", "زیاد")
    page.click("main form button")
    expect(page.locator("#limit-error")).to_have_text("تعداد امتیاز را با عدد صحیح بنویسید.")
    page.fill("#limit", "۱٬۵۰۰")
    page.click("main form button")
    page.wait_for_url("**/code")
    expect(page.locator(".carries")).to_contain_text("۱٬۵۰۰ امتیاز")
    assert _limit_of(wallet, page) == 1500
    page.click(".choices button >> nth=1")
    expect(page.locator(".carries")).to_contain_text("۵۰۰ امتیاز")
    page.click(".toggle")
    expect(page.locator(".notice.good")).to_contain_text("خرج‌کردن قفل شد.")
    expect(page.locator(".toggle")).to_have_attribute("aria-checked", "true")
    assert _limit_of(wallet, page) == 0
    with wallet.services.database.reading() as session:
        found = ledger.stored_wallet(session, member_id=member_id)
    assert found is not None
    assert found.status == "spend_locked"
    page.goto(wallet.url)
    expect(page.locator(".pill")).to_have_text("خرج‌کردن قفل است")
    page.goto(f"{wallet.url}/code")
    page.click(".toggle")
    expect(page.locator(".toggle")).to_have_attribute("aria-checked", "false")
    assert _limit_of(wallet, page) == 500


def _limit_of(wallet: Wallet, page: Page) -> int:
    """Return the limit that a till would read from the code on the page."""
    with wallet.services.database.reading() as session:
        found = resolve(session, wallet.services.vault, code=shown_code(page), wall=wall_now())
    assert found.verified_code is not None
    return found.verified_code.limit


def test_the_code_is_fresh_on_each_page_and_refreshes_by_itself(
    wallet: Wallet, pages: Pages
) -> None:
    wallet.enrol()
    page = wallet.signed_in(pages, script=False)
    page.goto(f"{wallet.url}/code")
    with Image.open(BytesIO(page.locator(".bars").screenshot())) as picture:
        (bars,) = zxingcpp.read_barcodes(picture)
    digits = ascii_digits(page.locator(".card-number .digits").inner_text())
    assert bars.text == re.sub(r"\D", "", digits)
    first = shown_code(page)
    refresh = page.locator("meta[http-equiv=refresh]").get_attribute("content")
    assert refresh is not None
    assert 1 <= int(refresh) <= 60
    page.reload()
    assert shown_code(page) != first
    other = pages.open(state=page.context.storage_state())
    other.goto(f"{wallet.url}/code")
    second = shown_code(other)
    other.evaluate("htmx.ajax('GET', '/code/panel', {target: '#code-panel', swap: 'outerHTML'})")
    expect(other.locator(".code-text")).not_to_have_text(
        " ".join(re.findall(".{4}", second)), use_inner_text=True
    )
    expect(other.locator(".code-panel")).to_have_count(1)


@pytest.mark.parametrize("script", [True, False])
def test_movements_are_listed_filtered_and_explained(
    wallet: Wallet, pages: Pages, *, script: bool
) -> None:
    member_id = wallet.enrol()
    wallet.coalition.live(member_id)
    page = wallet.signed_in(pages, script=script)
    page.click("text=همهٔ گردش‌ها")
    rows = page.locator(".movement")
    expect(rows).to_have_count(20)
    page.click("a[rel=next]")
    expect(rows).to_have_count(29 if script else 9)
    page.goto(f"{wallet.url}/movements")
    page.select_option("#kind", "spent")
    page.click(".sift button")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator(".amount")).to_contain_text("−۱۸۰")
    page.goto(f"{wallet.url}/movements?kind=returned")
    rows.first.locator("a").click()
    expect(page.locator("h1")).to_have_text("کسر بابت کالای برگشتی")
    page.click(".receipt .facts a >> nth=1")
    expect(page.locator("h1")).to_have_text("امتیاز خرید")
    expect(page.locator(".total .count")).to_contain_text("۴۴۰")
    steps = page.locator(".steps li")
    expect(steps.filter(has_text="bread")).to_contain_text("۴۰ امتیاز")
    expect(steps.filter(has_text="بلافاصله")).to_have_class("note")
    expect(steps.filter(has_text="بلافاصله")).not_to_contain_text("اعمال نشد")
    page.click(".by-line summary")
    lines = [ascii_digits(each) for each in page.locator(".by-line dd").all_inner_texts()]
    assert [int(each.split()[0]) for each in lines] == [40, 400]
    expect(page.locator(".lots li")).to_have_count(1)
    expect(page.locator(".lots li")).to_contain_text("فروشگاه مهتاب")
    expect(page.locator(".lots .amount")).to_contain_text("+۴۴۰")


def test_home_shows_what_waits_and_what_expires_next(wallet: Wallet, pages: Pages) -> None:
    member_id = wallet.enrol()
    wallet.coalition.buy(member_id, "yas", amount=5_000_000, ago=timedelta(hours=2))
    wallet.coalition.buy(member_id, "sepand", amount=4_000_000)
    page = wallet.signed_in(pages)
    expect(page.locator(".hero .count")).to_have_text("۲۰۰")
    expect(page.locator(".worth")).to_contain_text("۲۰٬۰۰۰ تومان")
    expect(page.locator(".states")).to_contain_text("۱۰۰")
    expect(page.locator(".expiring.soon h2")).to_contain_text("۲۰۰ امتیاز")


def test_preferences_follow_the_member(wallet: Wallet, pages: Pages) -> None:
    member_id = wallet.enrol()
    wallet.coalition.buy(member_id, "yas", amount=5_000_000)
    page = wallet.signed_in(pages)
    page.goto(f"{wallet.url}/profile")
    page.select_option("#locale", "en")
    page.select_option("#money_unit", "rial")
    page.click("main form button >> nth=0")
    expect(page.locator(".notice.good")).to_have_text("Saved.")
    page.goto(wallet.url)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    expect(page.locator(".worth")).to_contain_text("200,000 rials")


def test_another_device_is_signed_out(
    wallet: Wallet, pages: Pages, owner_database: Database
) -> None:
    wallet.enrol()
    first = wallet.signed_in(pages)
    with owner_database.unit_of_work() as session:  # another code at once would be refused
        session.connection().exec_driver_sql(
            "UPDATE network.one_time_code SET requested_at = requested_at - interval '1 hour'"
        )
    second = wallet.signed_in(pages)
    second.goto(f"{wallet.url}/profile")
    expect(second.locator(".sessions li")).to_have_count(2)
    second.click(".sessions form button")
    expect(second.locator(".sessions li")).to_have_count(1)
    first.goto(wallet.url)
    expect(first).to_have_url(f"{wallet.url}/sign-in")


def test_partners_are_found_by_name_and_city(wallet: Wallet, pages: Pages) -> None:
    wallet.enrol()
    page = wallet.signed_in(pages)
    page.goto(f"{wallet.url}/partners")
    expect(page.locator(".partners > li")).to_have_count(3)
    page.fill("#q", "سپند")
    page.click(".sift button")
    expect(page.locator(".partners strong").first).to_have_text("داروکدهٔ سپند")
    expect(page.locator(".partners > li")).to_have_count(1)
    page.goto(f"{wallet.url}/partners?city=مشهد")
    expect(page.locator(".partners > li")).to_have_count(1)
    page.goto(f"{wallet.url}/partners/mahtab")
    expect(page.locator(".rate-line .big")).to_have_text("\u061c۱٪")
    expect(page.locator(".facts.rates")).to_contain_text("بدون امتیاز")
    expect(page.locator(".stores li")).to_have_count(4)
