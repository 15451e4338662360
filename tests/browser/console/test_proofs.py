"""From a net position to its obligations, prices, postings and lots; and the files beside."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from network.clearing import queries as clearing
from network.clearing.parties import account_code
from network.ids import decode, encode
from network.language import ascii_digits, format_date
from network.ledger import queries as ledger
from tests.browser.console.conftest import House, Opener
from tests.browser.console.looking import a_lot, kinds_of_obligations, number, settled, spent


def test_a_party_s_obligations_prove_its_net(house: House, signed_in: Opener) -> None:
    window, positions = settled(house)
    page = signed_in("viewer")
    for position in positions:
        path = f"/settlement/windows/{encode('win', window.window_id)}/obligations"
        page.goto(f"{path}?party={account_code(position.party.code, position.account)}")
        expect(page.locator(".badge", has_text="As in the net positions")).to_be_visible()
        values = [number(each) for each in page.locator(".figure .value").all_inner_texts()]
        assert values == [position.net, position.receivable, position.payable, position.fees]
        counted = [number(each) for each in page.locator("td.counted").all_inner_texts()]
        assert sum(counted) == position.net
        assert counted
        page.get_by_role("link", name="Receivable").click()
        page.wait_for_url("**direction=receivable**")
        directions = page.locator("tbody td:nth-child(6)").all_inner_texts()
        assert all("Receivable" in each for each in directions)
        amounts = page.locator("tbody td.strong").all_inner_texts()
        assert sum(number(each) for each in amounts) == position.receivable


FORMULAS = {
    "redemption": 2,
    "redeposit": 2,
    "margin": 3,
    "margin_return": 3,
    "vat": 4,
    "vat_return": 4,
    "issuance": 1,
    "clawback": 1,
    "rounding": 0,
}


def test_an_obligation_shows_how_it_was_reckoned(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    seen = set()
    for kind, public in kinds_of_obligations(house).items():
        page.goto(f"/settlement/obligations/{public}")
        with house.services.database.reading() as session:
            found = clearing.obligation(session, obligation_id=decode("obl", public))
        assert found is not None
        seen.add(kind)
        formulas = page.locator(".formula").all_inner_texts()
        assert len(formulas) == FORMULAS[kind]
        if kind == "rounding":
            continue
        price = f"{found.fact.price:,.10f}".rstrip("0").rstrip(".").replace("-", "\u2212")
        assert price in (formulas[-2] if len(formulas) > 1 else formulas[-1])
        assert f"{abs(found.fact.amount):,}" in formulas[-1]
        expect(page.locator(".reckoning")).to_contain_text("half to even")
        expect(page.locator(".reckoning")).to_contain_text("largest remainders")
        if len(formulas) > 1:
            assert formulas[0].startswith("1,000 × (1 − ")
            page.locator("dd a", has_text="rials").first.click()
            page.locator("dd a", has_text="rials").first.click()
            assert page.locator(".formula").first.inner_text() == formulas[0]
    assert {"redemption", "margin", "vat", "issuance"} <= seen


def test_a_lot_is_found_by_its_id_and_shows_its_postings(house: House, signed_in: Opener) -> None:
    public = a_lot(house)
    page = signed_in("viewer")
    page.fill("#search", public)
    page.press("#search", "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lot ")
    rows = page.locator("tbody tr")
    assert rows.count() >= 4
    points = [number(each) for each in page.locator("tbody td:last-child").all_inner_texts()]
    assert sum(points) == 0
    rows.last.locator("th a").click()
    assert "#line-" in page.url
    expect(page.locator("tr:target")).to_have_count(1)
    for broken in (public[:-1], f"{public}7", public.replace(".", ".0"), "lot_x.1"):
        assert page.context.request.get(f"/lots/{broken}").status == 404, broken


def test_the_postings_of_one_entry_are_told_apart(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    page.goto(f"/days/{house.story.first_day}/issued")
    keys = [
        (row.locator("th a").get_attribute("href"), row.locator("td").first.inner_text())
        for row in page.locator("tbody tr").all()
    ]
    assert len({key for key, _ in keys}) == len(keys) > 10
    assert all(f"#line-{line}" in str(key) for key, line in keys)


def test_an_entry_says_what_became_of_its_points(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    page.goto(f"/entries/{spent(house)}")
    expect(page.locator("main")).to_contain_text("Redeemed at once, without a hold before.")
    expect(page.locator("main")).not_to_contain_text("0 given back")
    member_id, _shop, sequence = house.story.redeemed[-1]
    returned = house.services.entry_ids.encode(prefix="ent", member_id=member_id, sequence=sequence)
    page.goto(f"/entries/{returned}")
    expect(page.locator("main")).to_contain_text("2 points given back since.")


def test_the_last_day_of_a_lot_is_the_one_that_the_words_name(
    house: House, signed_in: Opener
) -> None:
    member_id, _shop, sequence = house.story.earned[0]
    page = signed_in("viewer")
    entry = house.services.entry_ids.encode(prefix="ern", member_id=member_id, sequence=sequence)
    page.goto(f"/entries/{entry}")
    with house.services.database.reading() as session:
        found = ledger.entry(session, member_id=member_id, sequence=sequence)
    assert found is not None
    last_day = format_date(found.lots[0].expires_on - timedelta(days=1), locale="en")
    expect(page.locator(".why")).to_contain_text(f"until the end of {last_day}")
    lots_table = page.get_by_role("region", name="Lots it touched")
    expect(lots_table.locator("tbody tr").first).to_contain_text(last_day)
    at_once = page.locator(".why li", has_text="Can be spent at once")
    expect(at_once).to_have_class("note")
    expect(at_once).not_to_contain_text("Not used")


@pytest.mark.parametrize("locale", ["fa", "en"])
def test_files_have_the_rows_of_the_screen_in_its_order(
    house: House, signed_in: Opener, locale: str
) -> None:
    window, _ = settled(house)
    public = encode("win", window.window_id)
    page = signed_in("analyst", locale=locale)
    obligation = kinds_of_obligations(house)["redemption"]
    for path, column, shown in (
        (f"/settlement/windows/{public}", "name", "th"),
        (f"/settlement/windows/{public}?sort=name", "name", "th"),
        (f"/settlement/windows/{public}/obligations", "issuer_name", "th"),
        (
            f"/settlement/windows/{public}/obligations?sort=-acceptor",
            "acceptor_name",
            "td >> nth=0",
        ),
        (f"/settlement/windows/{public}/obligations?from=1", "issuer_name", None),
        ("/merchants", f"name_{locale}", "th"),
        ("/merchants?sort=-price", f"name_{locale}", "th"),
        (f"/days/{house.story.first_day}/issued", "line", "td >> nth=0"),
        (f"/settlement/obligations/{obligation}", "line", "td >> nth=0"),
    ):
        page.goto(path)
        link = page.get_by_role("link", name={"fa": "خروجی CSV", "en": "Export CSV"}[locale])
        address = page.evaluate("link => link.href", link.element_handle())
        text = page.context.request.get(address).body().decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        cells = [ascii_digits(row[column].strip()) for row in rows]
        if shown is None:
            assert len(rows) == 1 + page.locator("table >> nth=0 >> tbody tr").count()
            continue
        body = page.locator("table >> nth=0 >> tbody tr").all()
        seen = [
            ascii_digits(row.locator(shown).inner_text().split("\n")[0].strip()).strip("—")
            for row in body
        ]
        assert cells == seen, path
