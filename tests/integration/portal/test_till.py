"""A cashier serves customers; whatever is sent twice is booked once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from network.language import persian_digits
from network.ledger import queries as ledger
from network.members.signed_bodies import entry_evidence
from network.portal import attesting
from network.signing.queries import published_keys
from network.spend_requests.models import SpendRequest
from tests.integration.gateway.house import Person
from tests.integration.gateway.persons.consenting import answer, key_of
from tests.integration.gateway.persons.messages import newest_code
from tests.integration.portal.desk import Clerk, Desk


def available(desk: Desk, person: Person) -> int:
    """Return what a member may spend."""
    with desk.house.services.database.reading() as session:
        wallet = ledger.stored_wallet(session, member_id=person.member_id)
    assert wallet is not None
    return wallet.available


def entries(desk: Desk, person: Person) -> list[str]:
    """Return the kinds of a member's entries, the oldest first."""
    with desk.house.services.database.reading() as session:
        found = ledger.entries(session, member_id=person.member_id, limit=50)
    return [each.kind for each in reversed(found)]


@pytest.fixture(scope="module")
def cashier(desk: Desk) -> Clerk:
    """Return a cashier who stands at the only store."""
    return desk.person("cashier", name="Sara")


def test_a_customer_is_served_from_the_number_to_the_receipt(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    page = cashier.get("/till").send(
        "/till/check", member=persian_digits(person.phone), amount="۵۰٬۰۰۰"
    )
    assert "50 points" in page.text
    assert "M. K." in page.text or "M" in page.text
    receipt = page.send("/till/earn")
    assert receipt.path.startswith("/till/acts/")
    for words in ("Purchase that earned", "+50 points", "Sara", "Main", "50,000 toman"):
        assert words in receipt.text
    assert available(desk, person) == 50
    assert receipt.key in cashier.get("/till").answer.text


def test_a_scan_alone_asks_for_the_amount_and_keeps_its_key(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    page = cashier.get("/till").send("/till/check", member=person.card)
    assert page.status == 200
    assert "Now the amount" in page.text
    checked = page.send("/till/check", amount="1000")
    assert checked.form("/till/earn")["key"] == page.form("/till/check")["key"]


def test_points_pay_only_by_the_code_and_the_rest_earns(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    cashier.buy(person.phone, amount=200_000)
    by_phone = cashier.check(person.phone, amount=100_000)
    assert "/till/redeem" not in by_phone.answer.text
    code = person.code(limit=150)["code"]
    page = cashier.check(code.lower(), amount=100_000)
    assert "can spend 200 points and allows 150 points" in page.text
    assert page.form("/till/redeem")["pay"] == "15,000"  # a point is worth a hundred tomans
    paid = page.send("/till/redeem", pay="6,000")
    assert "Paid with points" in paid.text
    assert "\u221260 points" in paid.text
    assert available(desk, person) == 140
    rest = paid.send("/till/earn")
    assert "94,000 toman" in rest.text
    assert available(desk, person) == 234


def test_a_forged_form_with_a_phone_number_takes_nothing(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    cashier.buy(person.phone, amount=50_000)
    page = cashier.check(person.code()["code"], amount=10_000)
    refused = page.send("/till/redeem", member=person.phone, pay="10000")
    assert refused.status == 422
    assert "Only the code" in refused.text
    assert available(desk, person) == 50


def test_a_form_sent_twice_at_once_is_booked_once(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    page = cashier.check(person.phone, amount=70_000)
    fields = page.form("/till/earn")
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: cashier.post("/till/earn", fields, follow=False), range(4))
        )
    assert {each.status for each in answers} == {303}
    assert len({each.answer.headers["Location"] for each in answers}) == 1
    assert entries(desk, person) == ["issuance"]
    again = cashier.post("/till/earn", fields | {"amount": "999"})
    assert "nothing was booked twice" in again.text
    assert "70,000 toman" in again.text


def test_paying_twice_with_one_form_takes_the_points_once(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    cashier.buy(person.phone, amount=100_000)
    page = cashier.check(person.code()["code"], amount=30_000)
    fields = page.form("/till/redeem") | {"pay": "3000"}
    first, second = (cashier.post("/till/redeem", fields) for _ in range(2))
    assert first.key == second.key
    assert available(desk, person) == 70
    other = (
        cashier.get("/till")
        .send("/till/check", member=fields["member"], amount="1000")
        .send("/till/redeem", pay="1000")
    )
    assert other.status == 422
    assert "used already" in other.text


def test_undoing_takes_back_once_whoever_asks(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    bought = cashier.buy(person.phone, amount=80_000)
    paid = cashier.check(person.code()["code"], amount=50_000).send("/till/redeem", pay="5000")
    fields = paid.form(f"/till/acts/{paid.key}/undo")
    undone = cashier.post(f"/till/acts/{paid.key}/undo", fields)
    assert "undone" in undone.text
    again = cashier.post(f"/till/acts/{paid.key}/undo", fields)
    assert "undone already" in again.text
    other = cashier.post(
        f"/till/acts/{paid.key}/undo", fields | {"key": "another-key-of-16-letters"}
    )
    assert other.status == 422
    assert available(desk, person) == 80
    cashier.get(f"/till/acts/{bought.key}").send(f"/till/acts/{bought.key}/undo")
    assert available(desk, person) == 0


def test_a_part_is_refunded_after_a_look_at_what_moves(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    bought = cashier.buy(person.phone, amount=100_000)
    looked = bought.send(f"/till/acts/{bought.key}/preview", amount="۳۰٬۰۰۰")
    assert "30 points" in looked.text
    assert available(desk, person) == 100
    booked = looked.send(f"/till/acts/{bought.key}/refund")
    assert "refunded in part" in booked.text
    assert available(desk, person) == 70
    more = cashier.get(f"/till/acts/{bought.key}").send(
        f"/till/acts/{bought.key}/preview", amount="70001"
    )
    assert more.status == 422
    assert "more than is left" in more.text
    undone = cashier.get(f"/till/acts/{bought.key}").send(f"/till/acts/{bought.key}/undo")
    assert available(desk, person) == 0, undone.text


def test_a_cancelled_form_is_never_taken_and_a_booked_one_shown(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    late = cashier.check(person.phone, amount=60_000)
    assert "nothing will be" in late.send("/till/cancel").text
    refused = late.send("/till/earn")
    assert refused.status == 422
    assert "was cancelled" in refused.text
    assert entries(desk, person) == []
    page = cashier.check(person.phone, amount=60_000)
    booked = page.send("/till/earn")
    shown = page.send("/till/cancel")
    assert shown.key == booked.key
    assert "booked already" in shown.text


def test_what_was_booked_is_found_by_its_reference(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    page = cashier.check(person.phone, amount=60_000)
    reference = page.text.partition("Reference of this page: ")[2].split()[0]
    assert "Nothing was booked" in cashier.get(f"/till/find?ref={reference}").text
    booked = page.send("/till/earn")
    typed = reference.lower().replace("-", " ")
    assert cashier.get(f"/till/find?ref={typed}").key == booked.key


def test_the_same_purchase_again_is_pointed_out(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    cashier.buy(person.phone, amount=45_000)
    assert "same amount was booked" in cashier.check(person.card, amount=45_000).text
    assert "same amount was booked" not in cashier.check(person.card, amount=46_000).text


@pytest.mark.parametrize(
    ("fields", "named", "words"),
    [
        ({"member": "", "amount": "1000"}, "member", "Scan the customer"),
        ({"member": "0912", "amount": "1000"}, "member", "no mobile number"),
        ({"member": "09129999999", "amount": "1000"}, "member", "Nobody is a member"),
        ({"member": "9364000000000000", "amount": "1000"}, "member", "not a card"),
        ({"member": "A" * 32, "amount": "1000"}, "member", "not genuine"),
        ({"member": "09129999999", "amount": "0"}, "amount", "more than zero"),
        ({"member": "09129999999", "amount": "12a"}, "amount", "more than zero"),
        ({"member": "09129999999", "amount": "9" * 19}, "amount", "more than zero"),
        ({"member": "\x00\u202e<b>", "amount": "-5"}, "member", "no mobile number"),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field(
    cashier: Clerk, fields: dict[str, str], named: str, words: str
) -> None:
    page = cashier.get("/till").send("/till/check", **fields)
    assert page.status == 422
    assert f'id="{named}-error"' in page.answer.text
    assert words in page.text


def test_the_network_vouches_for_who_asked(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    cashier.buy(person.phone, amount=10_000)
    with desk.house.services.database.reading() as session:
        found = entry_evidence(
            session, desk.house.services.vault, member_id=person.member_id, sequence=1
        )
        published = published_keys(session)
    assert found is not None
    assert attesting.is_attested(found)
    assert attesting.holds(found, published=published)
    said = attesting.lines_of(found)
    assert said["@path"] == "/v1/earnings"
    assert said["user"].startswith("pus_")
    assert b'"amount":100000' in found.body
    assert person.phone.encode() not in found.body


def test_evidence_that_was_changed_does_not_hold(desk: Desk, cashier: Clerk) -> None:
    from dataclasses import replace

    person = desk.house.member()
    cashier.buy(person.phone, amount=10_000)
    with desk.house.services.database.reading() as session:
        found = entry_evidence(
            session, desk.house.services.vault, member_id=person.member_id, sequence=1
        )
        published = published_keys(session)
    assert found is not None
    swapped = found.signature_base.replace(b'"@path": /v1/earnings', b'"@path": /v1/earningz')
    for forged in (
        replace(found, body=found.body.replace(b"100000", b"900000")),
        replace(found, signature_base=swapped),
        replace(found, key_id="pse_another"),
        replace(found, signature=bytes(64)),
    ):
        assert not attesting.holds(forged, published=published)


def test_a_new_customer_joins_at_the_till_and_earns(desk: Desk, cashier: Clerk) -> None:
    phone = next(desk.house.phones)
    stranger = cashier.get("/till").send("/till/check", member=phone, amount="10000")
    assert (stranger.status, "Join here" in stranger.text) == (422, True)
    fields = stranger.form("/till/check")
    form = cashier.post("/till/join", fields | {"member": phone})
    assert form.form("/till/join/ask")["phone"] == phone
    refused = form.send("/till/join/ask")
    assert (refused.status, "Without this yes" in refused.text) == (422, True)
    asked = refused.send("/till/join/ask", membership="yes", name="Sara")
    wrong = asked.send("/till/join/confirm", code="000000")
    assert (wrong.status, "4 more tries" in wrong.text) == (422, True)
    joined = wrong.send("/till/join/confirm", code=newest_code(desk.house, phone))
    assert "is a member now" in joined.text
    assert joined.form("/till/check")["amount"] == "10000"  # what was typed before they joined
    receipt = joined.send("/till/check").send("/till/earn")
    assert "+10 points" in receipt.text


def test_a_customer_without_the_code_is_asked_and_pays(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    cashier.buy(person.phone, amount=200_000)
    page = cashier.check(person.phone, amount=100_000)
    assert page.form("/till/ask")["pay"] == ""  # the till cannot know how many points there are
    assert "Type what is paid with points" in page.send("/till/ask").text
    waiting = page.send("/till/ask", pay="5,000")
    assert "went to the customer" in waiting.text
    again = waiting.send("/till/ask/take")
    assert "No answer yet" in again.text
    assert available(desk, person) == 200
    wrong = again.send("/till/ask/take", code="12")
    assert (wrong.status, "more tries" in wrong.text) == (422, True)
    fields = wrong.form("/till/ask/take") | {"code": newest_code(desk.house, person.phone)}
    first, second = (cashier.post("/till/ask/take", fields) for _ in range(2))
    assert "Paid with points" in first.text
    assert "Left to pay in cash or by card" in first.text
    assert first.key == second.key
    assert available(desk, person) == 150


def test_a_no_and_an_end_without_a_word_are_shown_at_the_till(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    cashier.buy(person.phone, amount=200_000)
    waiting = cashier.check(person.phone, amount=100_000).send("/till/ask", pay="5,000")
    fields = waiting.form("/till/ask/take")
    answer(desk.house, person, fields["request"], "no")
    for code in ("", newest_code(desk.house, person.phone)):
        declined = waiting.send("/till/ask/take", code=code)
        assert (declined.status, "The customer said no" in declined.text) == (422, True)
        assert 'action="/till/ask/take"' not in declined.answer.text
    late = cashier.check(person.phone, amount=100_000).send("/till/ask", pay="5,000")
    with desk.house.services.database.unit_of_work() as session:
        session.execute(
            update(SpendRequest)
            .where(SpendRequest.spend_request_id == key_of(late.form("/till/ask/take")["request"]))
            .values(expires_at=SpendRequest.requested_at + timedelta(microseconds=1))
        )
    ended = late.send("/till/ask/take")
    assert (ended.status, "No answer came in time" in ended.text) == (422, True)
    assert available(desk, person) == 200


def test_a_cashier_finds_the_way_back_to_whoever_is_asked(desk: Desk, cashier: Clerk) -> None:
    person = desk.house.member()
    cashier.buy(person.phone, amount=200_000)
    for pay in ("5,000", "4,000"):
        cashier.check(person.phone, amount=100_000).send("/till/ask", pay=pay)
    refused = cashier.check(person.phone, amount=100_000).send("/till/ask", pay="3,000")
    assert refused.status == 422
    assert "The customer was not asked" in refused.text
    assert "went to the customer" not in refused.text
    assert re.search(r"ask again in [1-5] minutes?\.", refused.text), refused.text
    waiting = re.findall(r'href="(/till/ask/spr_[a-z0-9]+)"', refused.answer.text)
    assert len(waiting) == 2
    assert "/till/earn" in refused.send("/till/check").answer.text  # the purchase goes on
    listed = cashier.get("/till").answer.text
    assert all(each in listed for each in waiting)
    assert desk.person("cashier", shop="blue").get(waiting[0]).status == 404

    page = cashier.get(waiting[0])
    answer(desk.house, person, page.form("/till/ask/take")["request"], "yes")
    agreed = cashier.get(waiting[0])
    assert "The customer has agreed" in agreed.text
    paid = agreed.send("/till/ask/take")
    assert "\u221240 points" in paid.text
    assert "96,000 toman" in paid.text  # the bill is remembered, and its rest offered
    assert cashier.get(waiting[0]).key == paid.key
    cashier.get(waiting[1]).send("/till/cancel")
    assert waiting[1] not in cashier.get("/till").answer.text
    assert available(desk, person) == 160
