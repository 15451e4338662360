"""A window's payments in the browser: two people, the file, the bank's answer."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from network.clearing import queries as clearing
from network.clearing.facts import WindowView
from network.ids import encode
from network.money import queries as money
from tests.browser.console.conftest import House, Opener
from tests.integration.settlement.bank import Booking, statement


def settled(house: House) -> WindowView:
    with house.services.database.reading() as session:
        window = clearing.window_of(session, business_date=house.story.first_day)
    assert window is not None
    return window


def test_two_people_pay_and_the_bank_answers(
    house: House, signed_in: Opener, tmp_path: Path
) -> None:
    window = settled(house)
    path = f"/settlement/windows/{encode('win', window.window_id)}/payments"
    with house.services.database.reading() as session:
        payments = [each.fact for each in money.payments(session, window_id=window.window_id)]
    payouts = [each for each in payments if each.direction == "payout"]
    assert payouts

    proposer, approver = signed_in("approver"), signed_in("administrator")
    proposer.goto(path)
    assert proposer.get_by_role("link", name="Payouts pain.001").count() == 0
    proposer.get_by_role("button", name="Propose the release").click()
    expect(proposer.get_by_role("status").first).to_contain_text("another person has approved")
    assert proposer.get_by_role("button", name="Approve the release").count() == 0
    proposer.get_by_role("button", name="Take it back").click()
    expect(proposer.get_by_role("status").first).to_contain_text("nothing was changed")
    proposer.get_by_role("button", name="Propose the release").click()
    expect(proposer.get_by_role("button", name="Take it back")).to_be_visible()

    # The list of windows says which nights wait for whom, and leads to their payments.
    approver.goto("/settlement")
    link = approver.locator(f"main td a[href='{path}']")
    expect(link).to_have_text("Waits for a second person")
    link.click()
    approver.get_by_role("button", name="Approve the release").click()
    expect(approver.locator("main")).to_contain_text("can be taken to the bank")
    windows = approver.context.request.get("/settlement?format=csv").text()
    assert f"{encode('win', window.window_id)},{window.first_day}" in windows
    assert ",released" in windows
    with approver.expect_download() as download:
        approver.get_by_role("link", name="Payouts pain.001").click()
    content = download.value.path().read_text(encoding="utf-8")
    for each in payouts:
        assert each.end_to_end_id in content
        assert f'<InstdAmt Ccy="IRR">{each.amount}</InstdAmt>' in content

    first = payouts[0]
    answer = tmp_path / "camt.xml"
    booked = Booking(reference="B1", end_to_end_id=first.end_to_end_id, amount=first.amount)
    answer.write_bytes(statement(booked))
    approver.goto("/settlement/bank")
    approver.set_input_files("#file", answer)
    approver.get_by_role("button", name="Take it").click()
    expect(approver.locator("main")).to_contain_text("1 lines: 1 settled, 0 returned")
    approver.get_by_role("link", name=first.end_to_end_id[:14]).click()
    expect(approver.locator("main")).to_contain_text("Booked as instructed")
    expect(approver.locator("main")).to_contain_text("Clearing: instructed, not booked yet")

    answer.write_text("<!DOCTYPE a><a/>", encoding="utf-8")
    approver.goto("/settlement/bank")
    approver.set_input_files("#file", answer)
    approver.get_by_role("button", name="Take it").click()
    expect(approver.get_by_role("alert")).to_contain_text("document type definition")

    silent = next(each for each in payments if each.payment_id != first.payment_id)
    page = f"/settlement/payments/{encode('pay', silent.payment_id)}"
    proposer.goto(page)
    proposer.get_by_label("Why").fill("The bank knows nothing of it")
    proposer.get_by_role("button", name="Propose to cancel").click()
    expect(proposer.locator("main")).to_contain_text("A colleague has to approve it")
    approver.goto("/")
    approver.get_by_role("link", name="Cancel the payment").click()
    approver.get_by_role("button", name="Approve").click()
    expect(approver.locator("main")).to_contain_text("Approved, and done.")
    approver.goto(page)
    expect(approver.locator("main")).to_contain_text("Cancelled by two people")
    assert approver.get_by_role("button", name="Propose to cancel").count() == 0

    approver.goto("/audit")
    for act in (
        "Cancelled a payment",
        "Took a bank's statement",
        "Made a payment file",
        "Released payments",
    ):
        expect(approver.locator("main")).to_contain_text(act)
