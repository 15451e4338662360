from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from network.clearing import queries as clearing
from network.ids import encode
from network.money import queries as money
from tests.browser.conftest import fits_both_ways
from tests.browser.console.conftest import House, Opener, follow
from tests.browser.console.looking import (
    a_lot,
    between_merchants,
    kinds_of_obligations,
    number,
    settled,
    spent,
)

ONE_LINE_PIXELS = 75


def test_a_net_position_is_explained_down_to_a_purchase(house: House, signed_in: Opener) -> None:
    window, positions = settled(house)
    position = max(
        (each for each in positions if each.party.code != "network"), key=lambda each: each.net
    )
    page = signed_in("operator")
    page.goto(f"/settlement/windows/{encode('win', window.window_id)}")
    row = page.locator("tbody tr", has=page.get_by_role("rowheader", name=position.party.name_en))
    row = row.first
    assert number(row.locator("td.strong").inner_text()) == position.net
    follow(page, row.get_by_role("link", name="Obligations"))
    expect(page.locator(".figure .value").first).to_have_text(re.compile(r"\d"))
    assert number(page.locator(".figure .value").first.inner_text()) == position.net

    line = page.locator("tbody tr").first
    amount = number(line.locator("td.strong").inner_text())
    follow(page, line.locator("td.strong a"))
    shares = [number(share) for share in page.locator("tbody td:last-child").all_inner_texts()]
    assert sum(shares) == amount

    follow(page, page.locator("tbody th a").first)
    expect(page.get_by_role("heading", level=2, name="Evidence")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Square branch, Isfahan")
    expect(page.locator("main")).to_contain_text("mk_live_")
    total = page.locator("table", has_text="Postings").locator("tfoot td.number")
    expect(total).to_have_text("0")

    page.get_by_role("link", name="the lot").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lot ")
    page.get_by_role("link", name="The entry that granted it").click()
    expect(page.locator(".why")).to_contain_text("Base rate")
    expect(page.locator("main")).to_contain_text("Amount of the purchase")
    page.get_by_role("link", name="The wallet it stands in").click()
    expect(page.locator("main")).to_contain_text("•••")
    earned = page.locator(
        "tbody tr", has=page.get_by_role("cell", name="Earning", exact=True)
    ).first
    earned.locator("th a").click()
    expect(page.locator(".why")).to_contain_text("Base rate")
    expect(page.locator("main")).to_contain_text("Amount of the purchase")


def test_a_cell_of_the_matrix_leads_to_its_obligations(house: House, signed_in: Opener) -> None:
    window, _ = settled(house)
    with house.services.database.reading() as session:
        cells = clearing.matrix(session, window=window)
    cell = max(cells, key=lambda each: each.points)
    page = signed_in("viewer")
    page.goto(f"/settlement/windows/{encode('win', window.window_id)}/matrix")
    label = f"{cell.issuer.name_en} to {cell.acceptor.name_en}: "
    follow(page, page.get_by_role("link", name=label))
    figure = page.locator(".figure", has_text="Points redeemed, less given back")
    assert number(figure.locator(".value").inner_text()) == cell.points
    page.go_back()
    follow(page, page.get_by_role("link", name="Rials"))
    assert number(page.get_by_role("link", name=label).inner_text()) == cell.amount


def test_figures_of_today_lead_to_their_postings(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    card = page.locator("a.card", has_text="Points redeemed")
    redeemed = number(card.locator(".value").inner_text())
    follow(page, card)
    points = [number(each) for each in page.locator("tbody td:last-child").all_inner_texts()]
    assert sum(points) == redeemed > 0


def test_the_night_shows_its_totals_and_seal(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    page.goto(f"/settlement/nights/{house.story.first_day}")
    expect(page.locator(".steps li.done")).to_have_count(8)
    expect(page.locator("main")).to_contain_text("Σ net positions = 0")
    expect(page.locator("main")).to_contain_text("Seal of the day")
    assert page.locator("tbody td .badge.bad").count() == 0


def test_a_night_that_runs_shows_its_progress(house: House, signed_in: Opener) -> None:
    day = house.story.first_day - timedelta(days=9)
    facts = {"day": day, "run": encode("x", house.story.members[0])[:40]}
    with house.owner.unit_of_work() as session:
        session.execute(
            text("""
                INSERT INTO network.settlement_run (run_id, business_date, run_key, version, state,
                    step, done, total, claim, started_by)
                VALUES (gen_random_uuid(), :day, :run, 1, 'running', 'mature', 40, 200,
                    gen_random_uuid(), 'schedule')
            """),
            facts,
        )
    page = signed_in("viewer")
    page.goto(f"/settlement/nights/{day}")
    expect(page.locator(".steps .now")).to_contain_text("40 of 200")
    with house.owner.unit_of_work() as session:
        session.execute(
            text("UPDATE network.settlement_run SET done = 120 WHERE business_date = :day"), facts
        )
    expect(page.locator(".steps .now")).to_contain_text("120 of 200")
    with house.owner.unit_of_work() as session:
        session.execute(
            text("""
                UPDATE network.settlement_run SET state = 'stopped', finished_at = now(),
                    error_code = 'settlement_totals_differ', error = 'x'
                WHERE business_date = :day
            """),
            facts,
        )
    expect(page.get_by_role("alert")).to_contain_text("Control totals do not agree")


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("viewer", "/merchants?format=csv", 403),
        ("viewer", "/audit", 403),
        ("viewer", "/merchants/mahtab/agreements/new", 403),
        ("operator", "/audit", 403),
        ("operator", "/merchants/mahtab/agreements/new", 200),
        ("approver", "/audit", 200),
        ("viewer", "/merchants/nobody", 404),
        ("viewer", "/entries/ent_aaaa", 404),
        ("viewer", "/settlement/windows/win_aaaa", 404),
        ("viewer", "/days/2026-13-01", 404),
        ("viewer", "/days/1999-01-01", 404),
    ],
)
def test_roles_and_unknown_addresses(signed_in: Opener, role: str, path: str, status: int) -> None:
    page = signed_in(role)
    answer = page.context.request.get(path)
    assert answer.status == status


def test_a_viewer_can_not_see_members(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    member = encode("mem", house.story.members[0])
    assert page.context.request.get(f"/members/{member}").status == 403


def test_statements_and_tables_come_as_files(house: House, signed_in: Opener) -> None:
    window, _ = settled(house)
    page = signed_in("analyst")
    public = encode("win", window.window_id)
    with house.services.database.reading() as session:
        wanted = clearing.statements(session, window=window)[0]
    path = f"/merchants/{wanted.merchant.code}/statements/{public}"
    document = json.loads(page.context.request.get(f"{path}.json").text())
    assert document["totals"]["net"] == wanted.totals.net
    assert page.context.request.get(f"{path}.csv").text().startswith("record,entry")
    assert page.context.request.get(f"{path}.pdf").body().startswith(b"%PDF-")
    table = page.context.request.get(f"/settlement/windows/{public}?format=csv").text()
    totals = wanted.totals
    assert f"{wanted.merchant.code},{wanted.merchant.name_en},{totals.net}," in table
    with house.services.database.reading() as session:
        found = max(clearing.obligations(session, window=window), key=lambda o: o.fact.postings)
    obligation = encode("obl", found.fact.obligation_id)
    for address, count, points in (
        (f"/settlement/obligations/{obligation}", found.fact.postings, found.fact.points),
        (f"/days/{window.first_day}/redeemed", None, None),
    ):
        body = page.context.request.get(f"{address}?format=csv").text().removeprefix("\ufeff")
        lines = list(csv.DictReader(io.StringIO(body)))
        assert len(lines) == (count or len(lines)) > 0
        assert points in {None, sum(int(each["points"]) for each in lines)}


def test_two_people_change_prices(house: House, signed_in: Opener) -> None:
    proposer, approver = signed_in("approver"), signed_in("administrator")
    day = house.story.first_day + timedelta(days=30)
    proposer.goto("/merchants/dasht/agreements/new")
    proposer.fill("#effective_from", str(house.story.first_day))
    proposer.fill("#issue_price", "0")
    proposer.get_by_role("button", name="Propose").click()
    expect(proposer.get_by_role("alert")).to_contain_text("price above zero")
    proposer.fill("#issue_price", "۱٬۰۰۵٫۵")
    proposer.check("#named")
    proposer.get_by_role("button", name="Propose").click()
    expect(proposer.get_by_role("alert")).to_contain_text("after the open business day")
    proposer.fill("#effective_from", str(day))
    proposer.get_by_role("button", name="Propose").click()
    expect(proposer.locator("main")).to_contain_text("A colleague has to approve it")
    assert proposer.get_by_role("button", name="Approve").count() == 0
    _press_approve(proposer, house)
    expect(proposer.get_by_role("alert")).to_contain_text("ask a colleague")

    approver.goto("/")
    approver.get_by_role("link", name="Agreement with Green Plain Butchers").click()
    approver.get_by_role("button", name="Approve").click()
    expect(approver.locator("main")).to_contain_text("Approved. In force from")
    expect(approver.locator("tbody tr").first).to_contain_text("1,005.5")
    expect(approver.locator("tbody tr").first).to_contain_text("may be named")
    approver.goto("/audit")
    expect(approver.locator("tbody tr").nth(0)).to_contain_text("Approved an agreement")
    expect(approver.get_by_role("status").first).to_contain_text("The chain holds")
    log = approver.context.request.get("/audit?format=csv").text().removeprefix("\ufeff")
    numbers = [int(each["sequence"]) for each in csv.DictReader(io.StringIO(log))]
    assert numbers == list(range(len(numbers), 0, -1))


def _press_approve(page: Page, house: House) -> None:
    """Send the approval that the page does not offer, with the token of its other forms."""
    with house.owner.reading() as session:
        found = session.execute(
            text("SELECT agreement_id FROM network.agreement WHERE approved_at IS NULL")
        ).scalar_one()
    page.evaluate(
        """async ([path]) => {
            const page = await (await fetch("/profile")).text();
            const token = page.match(/name="csrf_token" value="([^"]+)"/)[1];
            const form = document.createElement("form");
            form.method = "post"; form.action = path;
            const field = document.createElement("input");
            field.name = "csrf_token"; field.value = token;
            form.append(field); document.body.append(form); form.submit();
        }""",
        [f"/merchants/dasht/agreements/{encode('agr', found)}/approve"],
    )


def test_a_broken_audit_chain_is_shown(house: House, signed_in: Opener) -> None:
    page = signed_in("approver")
    change = "UPDATE network.audit_log SET actor = :actor WHERE sequence = 2 RETURNING actor"
    with house.owner.unit_of_work() as session:
        session.execute(text("ALTER TABLE network.audit_log DISABLE TRIGGER append_only"))
        actor = session.execute(
            text("SELECT actor FROM network.audit_log WHERE sequence = 2")
        ).scalar_one()
        session.execute(text(change), {"actor": "opr_somebody_else"})
    try:
        page.goto("/audit")
        expect(page.get_by_role("alert")).to_contain_text("The chain is broken at row 2")
    finally:
        with house.owner.unit_of_work() as session:
            session.execute(text(change), {"actor": actor})
            session.execute(text("ALTER TABLE network.audit_log ENABLE TRIGGER append_only"))
    page.reload()
    expect(page.get_by_role("status").first).to_contain_text("The chain holds")


def test_the_search_box_goes_straight_there(house: House, signed_in: Opener) -> None:
    page = signed_in("viewer")
    member_id, _shop, sequence = house.story.redeemed[0]
    ids = house.services.entry_ids
    for wanted, heading in [
        (ids.encode(prefix="red", member_id=member_id, sequence=sequence), "Redemption"),
        (str(house.story.first_day), "Business day"),
        ("sepand", "Sepand Drugstore"),
        ("سپند", "Sepand Drugstore"),
        ("no such thing", "Search"),
    ]:
        page.fill("#search", wanted)
        page.press("#search", "Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)


@pytest.mark.parametrize("locale", ["fa", "en"])
def test_every_page_fits_and_reads(house: House, signed_in: Opener, locale: str) -> None:
    window, _ = settled(house)
    public = encode("win", window.window_id)
    day = house.story.first_day
    with house.services.database.reading() as session:
        payment_id = money.payments(session, window_id=window.window_id)[0].fact.payment_id
    member_id, _shop, sequence = house.story.earned[0]
    entry = house.services.entry_ids.encode(prefix="ern", member_id=member_id, sequence=sequence)
    own = entry.replace("ern_", "ent_")
    page = signed_in("administrator", locale=locale)
    for path in (
        *("/", f"/days/{day}", f"/days/{day}/issued", "/settlement", "/merchants", "/audit"),
        *(f"/settlement/windows/{public}{part}" for part in ("", "/matrix", "/obligations")),
        *(f"/settlement/windows/{public}/payments", "/settlement/bank", "/proposals"),
        *("/exposure", "/exposure/fund", "/merchants/mahtab/cover", "/settlement/mode"),
        *(f"/settlement/windows/{public}/direct", f"/settlement/direct/{between_merchants(house)}"),
        f"/settlement/payments/{encode('pay', payment_id)}",
        *(f"/settlement/nights/{day}", f"/entries/{entry}", "/merchants/mahtab", "/profile"),
        *(f"/members/{encode('mem', member_id)}", "/merchants/mahtab/agreements/new"),
        f"/settlement/windows/{public}/obligations?party=mahtab",
        *(f"/settlement/obligations/{each}" for each in kinds_of_obligations(house).values()),
        f"/lots/{a_lot(house)}",
        *("/members", "/references?merchant=mahtab&ref=nothing"),
        *("/search?q=nothing", f"/entries/{spent(house)}"),
        *("/jobs", "/claims", f"/reconciliation/disputes/new?entry={own}", "/reconciliation"),
    ):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        assert page.locator("html").get_attribute("dir") == ("rtl" if locale == "fa" else "ltr")
        fits_both_ways(page, in_both_languages=True)
        if locale == "fa":
            html = page.inner_html("main")
            bare = re.sub(r"<(bdi|option|pre)\b.*?</\1>", "", html, flags=re.DOTALL)
            words = re.sub(r"<[^>]+>", " ", bare)
            assert not re.search(r"[0-9]{2,}", words), f"{path} has Latin digits"
    page.goto(f"/members/{encode('mem', member_id)}")
    page.locator("#merge summary").click()
    page.fill("#who", encode("mem", house.story.members[-1]))
    page.locator("#merge button").click()
    expect(page.locator("input[name=goes]")).to_have_count(2)
    fits_both_ways(page, in_both_languages=True)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/")
    head = page.locator("header.bar").bounding_box()
    assert head is not None
    assert head["height"] < ONE_LINE_PIXELS, "name, sections, search and operator in one line"


def test_every_page_works_without_script(house: House, signed_in: Opener) -> None:
    page = signed_in("administrator", java_script_enabled=False)
    member_id, _shop, sequence = house.story.earned[0]
    entry = house.services.entry_ids.encode(prefix="ern", member_id=member_id, sequence=sequence)
    for path in ("/", "/settlement", f"/entries/{entry}", "/merchants", "/audit"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
    page.goto(f"/entries/{entry}")
    page.locator("#request button").click()
    expect(page.locator("#request")).to_contain_text("Body as received")


def test_windows_of_a_state_fill_their_pages(house: House, signed_in: Opener) -> None:
    last = house.story.first_day - timedelta(days=100)
    add = text("""
        INSERT INTO network.settlement_window (window_id, first_day, end_day, state)
        SELECT uuidv7(), day, day + 1, CASE place % 5 WHEN 0 THEN 'aborted' ELSE 'closed' END
        FROM (SELECT CAST(:last AS date) - place AS day, place
              FROM generate_series(1, 300) AS place) AS days
    """)
    with house.owner.unit_of_work() as session:
        session.execute(add, {"last": last})
    try:
        page = signed_in("viewer")
        page.goto("/settlement")
        page.get_by_role("link", name="Aborted").click()
        windows = page.get_by_role("region", name="Settlement windows").locator("tbody tr")
        expect(windows).to_have_count(50)
        expect(windows.locator("td:nth-child(2)")).to_have_text(["Aborted"] * 50)
        page.get_by_role("link", name="Older").click()
        expect(windows).to_have_count(10)
        expect(windows.locator("td:nth-child(2)")).to_have_text(["Aborted"] * 10)
        assert page.get_by_role("link", name="Older").count() == 0
        page.get_by_role("link", name="Newer").click()
        expect(windows).to_have_count(50)
        page.goto("/settlement?state=nonsense")
        expect(page.locator("main")).to_contain_text("No window here")
    finally:
        with house.owner.unit_of_work() as session:
            session.execute(
                text("DELETE FROM network.settlement_window WHERE first_day < :last"),
                {"last": last},
            )
