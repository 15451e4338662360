"""A whole morning: a night with three planted faults, resolved by two people."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from config.jobs import reconcile
from network.clearing import queries as clearing
from network.clearing.facts import Totals
from network.clock import wall_now
from network.ids import encode
from network.ledger import queries as ledger
from network.ledger.views import EntryView
from network.members import queries as members
from network.money import queries as money
from network.reconciliation import queries
from network.reconciliation.disputes import open_dispute
from settlement.console.views import breaks
from tests.browser.conftest import PHONE, accessibility_faults, overflow
from tests.browser.console.conftest import House, Opener, follow
from tests.browser.console.story import Shop
from tests.browser.looks import faults_at_a_glance
from tests.integration.settlement.bank import Booking, statement

TYPES = {
    "issuance": "earn",
    "redemption": "redeem",
    "refund_issuance": "refund_earn",
    "refund_redemption": "refund_redeem",
}
COLUMNS = ("type", "merchant_ref", "occurred_at", "amount", "points", "card")


def sold(house: House, shop: Shop, day: date) -> list[EntryView]:
    with house.services.database.reading() as session:
        return ledger.merchant_entries(
            session,
            merchant_id=shop.merchant_id,
            since=day,
            until=day + timedelta(days=1),
            after_cursor=None,
            limit=200,
        )


def record_of(house: House, entries: list[EntryView]) -> bytes:
    """Return the shop's record with one purchase the network lacks, and one amount mistyped."""
    rows = [
        {
            "type": TYPES[each.kind],
            "merchant_ref": each.merchant_ref,
            "occurred_at": each.effective_at.isoformat(),
            "amount": each.amount,
            "points": each.points,
        }
        for each in entries
    ]
    first = next(row for row in rows if row["type"] == "earn")
    first["amount"] = int(str(first["amount"])) + 600_000
    first["points"] = int(str(first["points"])) + 6
    with house.services.database.reading() as session:
        card = members.cards(session, member_id=house.story.members[0])[0].card_number
    lost = {**rows[-1], "type": "earn", "merchant_ref": "lost-1", "amount": 910_000, "points": 9}
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows([*rows, {**lost, "card": card}])
    return buffer.getvalue().encode()


def statement_of(house: House, shop: Shop, day: date) -> Totals:
    with house.services.database.reading() as session:
        window = clearing.window_of(session, business_date=day)
        assert window is not None
        found = clearing.statement(
            session, merchant_id=shop.merchant_id, window_id=window.window_id
        )
    assert found is not None
    return found.totals


def test_three_faults_are_found_and_the_next_window_is_right(
    house: House, signed_in: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = house.story
    day, open_day = story.first_day, story.first_day + timedelta(days=2)
    with house.services.database.reading() as session:
        window = clearing.window_of(session, business_date=day)
        assert window is not None
        paid = next(
            each.fact
            for each in money.payments(session, window_id=window.window_id)
            if each.fact.direction == "payout"
        )
    shop = next(each for each in story.shops if each.merchant_id == paid.merchant_id)
    entries = sold(house, shop, day)
    record = tmp_path / "day.csv"
    record.write_bytes(record_of(house, entries))
    anna, behnam = signed_in("approver"), signed_in("administrator")

    # The first fault: the bank has sent the merchant's payment back.
    page = f"/settlement/windows/{encode('win', window.window_id)}/payments"
    anna.goto(page)
    anna.get_by_role("button", name="Propose the release").click()
    expect(anna.get_by_role("status").first).to_contain_text("another person has approved")
    behnam.goto(page)
    behnam.get_by_role("button", name="Approve the release").click()
    expect(behnam.locator("main")).to_contain_text("can be taken to the bank")
    camt = tmp_path / "camt.xml"
    camt.write_bytes(
        statement(
            Booking(
                reference="B9",
                end_to_end_id=paid.end_to_end_id,
                amount=paid.amount,
                credit=True,
                reason="AC04",
            )
        )
    )
    anna.goto("/settlement/bank")
    anna.set_input_files("#file", camt)
    anna.get_by_role("button", name="Take it").click()
    expect(anna.locator("main")).to_contain_text("once another person has approved it")
    behnam.goto("/proposals")
    # The button is to be seen: long words, such as a file's digest, break over lines.
    button = behnam.get_by_role("button", name="Approve")
    place, size = button.bounding_box(), behnam.viewport_size
    assert place is not None
    assert size is not None
    assert place["x"] + place["width"] <= size["width"]
    button.click()
    expect(behnam.locator("main")).to_contain_text("Approved, and done.")
    behnam.goto("/")
    returned = behnam.locator("a.card", has_text="Payments returned by the bank")
    expect(returned.locator(".value")).to_have_text("1")

    # The other two: the merchant's record of the day, taken and matched.
    anna.goto("/reconciliation")
    anna.select_option("#merchant", shop.code)
    anna.fill("#day", day.isoformat())
    anna.set_input_files("#file", record)
    follow(anna, anna.get_by_role("button", name="Take it"))
    with house.services.database.reading() as session:
        (taken,) = queries.reconciliations(session, merchant_id=shop.merchant_id, limit=9)
    reconcile(house.services, reconciliation_id=str(taken.reconciliation_id))
    expect(anna.locator("#record")).to_contain_text("A different amount")
    expect(anna.locator("#record")).to_contain_text("Not in the ledger")

    # One person proposes both in one go; nothing has moved.
    anna.goto("/")
    expect(anna.locator("main")).to_contain_text("Breaks not closed")
    anna.goto(f"/reconciliation/breaks?merchant={shop.code}")
    assert anna.locator("input[name=break]").count() == 2
    anna.get_by_label("All that are shown on this page").check()
    anna.get_by_label("Why").fill("The till was off")
    anna.get_by_role("button", name="Resolve").click()
    expect(anna.locator("main")).to_contain_text("2 corrections wait for a second person")
    anna.goto("/reconciliation/corrections")
    for box in anna.locator("input[name=correction]").all():
        box.check()
    anna.get_by_role("button", name="Post those chosen").click()
    expect(anna.get_by_role("alert")).to_contain_text("ask a colleague")

    before = points(house)
    behnam.goto("/reconciliation/corrections")
    behnam.get_by_role("button", name="Post those chosen").click()
    expect(behnam.locator("main")).to_contain_text("2 corrections are posted")
    assert points(house) == before + 15
    behnam.goto("/reconciliation/breaks?state=resolved")
    expect(behnam.locator("tbody tr")).to_have_count(2)
    # Where a list is longer than what is shown of it, the page says so and the file has it all.
    with monkeypatch.context() as short:
        short.setattr(breaks, "MOST_SHOWN", 1)
        behnam.reload()
        expect(behnam.locator("tbody tr")).to_have_count(1)
        expect(behnam.locator("main")).to_contain_text("more than the 1 that are shown here")
        file = behnam.context.request.get("/reconciliation/breaks?state=resolved&format=csv")
        assert len(file.text().splitlines()) == 3

    # A line is disputed meanwhile, with both signed messages on its page.
    disputed = next(each for each in entries if each.kind == "redemption")
    with house.services.database.unit_of_work() as session:
        dispute_id = open_dispute(
            session,
            house.services.vault,
            merchant_id=shop.merchant_id,
            member_id=disputed.member_id,
            sequence=disputed.sequence,
            reason="amount",
            words="Our till shows one point more.",
            opened_by=shop.key_id,
            wall=wall_now(),
        )
    anna.goto(f"/reconciliation/disputes/{encode('dsp', dispute_id)}")
    expect(anna.locator("#request")).to_contain_text("Signed, and unchanged")
    expect(anna.locator("#answer")).to_contain_text("peyvand dispute answer")
    anna.select_option("#decision", "adjust_money")
    anna.fill("#words", "Granted")
    anna.fill("#amount", "979")
    anna.get_by_role("button", name="Decide").click()
    expect(anna.locator("main")).to_contain_text("another person has approved")
    behnam.goto("/reconciliation/corrections")
    behnam.get_by_role("button", name="Post those chosen").click()
    expect(behnam.locator("main")).to_contain_text("1 correction is posted")

    file = behnam.context.request.get("/reconciliation/disputes?show=all&format=csv")
    (line,) = csv.DictReader(io.StringIO(file.body().decode("utf-8-sig")))
    assert line["dispute"] == encode("dsp", dispute_id)
    assert (line["merchant"], line["state"]) == (shop.code, "accepted")

    _look_at(house, signed_in, encode("dsp", dispute_id))

    # The next night: what came back and what was corrected stand on the statement, and are paid.
    earlier = statement_of(house, shop, open_day - timedelta(days=1))
    story.night()
    next_one = statement_of(house, shop, open_day)
    assert next_one.opening == earlier.closing
    assert next_one.returned == paid.signed_amount + 979
    assert next_one.closing == next_one.opening + next_one.net + next_one.returned - next_one.paid
    assert statement_of(house, shop, day).paid == paid.signed_amount


def points(house: House) -> int:
    """Return what all members have."""
    with house.services.database.reading() as session:
        wallets = [ledger.stored_wallet(session, member_id=each) for each in house.story.members]
    return sum(each.available for each in wallets if each is not None)


def _look_at(house: House, signed_in: Opener, dispute: str) -> None:
    """Fail where a page of reconciliation can't be read with a screen reader, or on a phone."""
    with house.services.database.reading() as session:
        (record,) = queries.reconciliations(session, limit=9)
        found = queries.breaks(session, wanted=queries.Wanted(), limit=9)[0]
    reader = signed_in("approver", locale="fa", viewport=PHONE)
    for path in (
        "/reconciliation",
        "/reconciliation/breaks?state=resolved",
        f"/reconciliation/breaks/{encode('brk', found.break_id)}",
        f"/reconciliation/records/{encode('rcn', record.reconciliation_id)}",
        f"/reconciliation/disputes/{dispute}",
    ):
        reader.goto(path)
        assert accessibility_faults(reader) == []
        assert overflow(reader) == 0, path
        assert faults_at_a_glance(reader) == []
