"""A customer is asked once more, or was asked before: the till says what is really so."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from network.ledger import queries as ledger
from network.members import service as members
from network.members.models import Member
from network.spend_requests.models import SpendRequest
from tests.integration.gateway.house import Person
from tests.integration.gateway.persons.consenting import answer, available, key_of
from tests.integration.gateway.persons.messages import newest_code
from tests.integration.portal.desk import Clerk, Desk, Page

TAKE, NO_MESSAGE = "/till/ask/take", "No message was sent"


@pytest.fixture(scope="module")
def cashier(desk: Desk) -> Clerk:
    """Return a cashier who stands at the only store."""
    return desk.person("cashier", name="Sara")


@pytest.fixture
def person(desk: Desk, cashier: Clerk) -> Person:
    """Return a customer who has 200 points."""
    person = desk.house.member()
    cashier.buy(person.phone, amount=200_000)
    return person


def redemptions(desk: Desk, person: Person) -> int:
    """Return how often points of a member were taken."""
    with desk.house.services.database.reading() as session:
        found = ledger.entries(session, member_id=person.member_id, limit=50)
    return sum(each.kind == "redemption" for each in found)


def askings(desk: Desk, person: Person) -> int:
    """Return how often a member was asked."""
    counted = select(func.count()).where(SpendRequest.member_id == person.member_id)
    with desk.house.services.database.reading() as session:
        return session.scalar(counted) or 0


def let_lapse(desk: Desk, page: Page) -> None:
    """Let the time for an answer run out."""
    with desk.house.services.database.unit_of_work() as session:
        session.execute(
            update(SpendRequest)
            .where(SpendRequest.spend_request_id == key_of(page.form(TAKE)["request"]))
            .values(expires_at=SpendRequest.requested_at + timedelta(microseconds=1))
        )


def test_after_a_no_or_no_word_the_same_bill_asks_once_more(
    desk: Desk, cashier: Clerk, person: Person
) -> None:
    first = cashier.check(person.phone, amount=100_000).send("/till/ask", pay="5,000")
    let_lapse(desk, first)
    ended = first.send(TAKE)
    assert "Ask once more" in ended.text
    second = ended.send("/till/check").send("/till/ask", pay="5,000")
    assert "went to the customer" in second.text
    answer(desk.house, person, second.form(TAKE)["request"], "no")
    declined = second.send(TAKE)
    assert "The customer said no" in declined.text
    third = declined.send("/till/check").send("/till/ask", pay="4,000")
    asked = [each.form(TAKE)["request"] for each in (first, second, third)]
    assert len(set(asked)) == askings(desk, person) == 3
    answer(desk.house, person, asked[-1], "yes")
    assert "ran out" in first.send(TAKE).text  # the yes is to the third alone
    assert redemptions(desk, person) == 0
    paid = third.send(TAKE)
    assert "\u221240 points" in paid.text
    again = [third.send(TAKE), declined.send("/till/check").send("/till/ask", pay="4,000")]
    assert [each.key for each in again] == [paid.key] * 2
    assert all("nothing was booked twice" in each.text for each in again)
    assert (askings(desk, person), redemptions(desk, person)) == (3, 1)
    assert available(desk.house, person) == 160


def test_another_sum_on_the_same_bill_shows_what_the_customer_is_asked(
    desk: Desk, cashier: Clerk, person: Person
) -> None:
    bill = cashier.check(person.phone, amount=100_000)
    waiting = bill.send("/till/ask", pay="5,000")
    request = waiting.form(TAKE)["request"]
    anew = cashier.post(
        "/till/check", {**waiting.form(TAKE), "key": bill.form("/till/earn")["key"]}
    )
    for page in (bill, anew):
        other = page.send("/till/ask", pay="6,000")
        assert (other.status, "The customer is asked already" in other.text) == (422, True)
        assert NO_MESSAGE not in other.text
        assert re.findall(r'href="/till/ask/(spr_[a-z0-9]+)"', other.answer.text) == [request]
        same = page.send("/till/ask", pay="5,000")
        assert (same.status, same.form(TAKE)["request"]) == (200, request)
    answer(desk.house, person, request, "yes")
    agreed = anew.send("/till/ask", pay="5,000")
    assert "The customer has agreed" in agreed.text
    assert (askings(desk, person), redemptions(desk, person)) == (1, 0)
    assert "\u221250 points" in agreed.send(TAKE).text
    assert (askings(desk, person), redemptions(desk, person)) == (1, 1)


def test_after_a_yes_the_till_never_says_that_it_waits(
    desk: Desk, cashier: Clerk, person: Person
) -> None:
    waiting = cashier.check(person.phone, amount=100_000).send("/till/ask", pay="5,000")
    answer(desk.house, person, waiting.form(TAKE)["request"], "yes")
    database = desk.house.services.database
    for locked in (True, False):
        with database.unit_of_work() as session:
            members.set_spend_lock(session, member_id=person.member_id, locked=locked)
        if locked:
            refused = waiting.send(TAKE)
    assert refused.status == 422
    assert "The customer has agreed" in refused.text
    assert "locked spending" in refused.text
    assert "before they agree" not in refused.text
    assert "\u221250 points" in refused.send(TAKE).text


def test_many_points_are_agreed_to_in_the_wallet_only(
    desk: Desk, cashier: Clerk, person: Person
) -> None:
    bill = cashier.check(person.phone, amount=100_000)
    with desk.house.services.database.unit_of_work() as session:
        session.execute(
            update(Member).where(Member.member_id == person.member_id).values(ask_above=49)
        )
    waiting = bill.send("/till/ask", pay="5,000")
    assert "agrees in the wallet" in waiting.text
    assert "Code of the message" not in waiting.text
    early = waiting.send(TAKE)
    assert (early.status, "type the code" in early.text) == (200, False)
    code = newest_code(desk.house, person.phone)
    told = waiting.send(TAKE, code=code)
    assert (told.status, "agrees in the wallet" in told.text) == (422, True)
    assert redemptions(desk, person) == 0


def test_that_nobody_was_asked_is_said_where_no_message_went(
    desk: Desk, cashier: Clerk, person: Person
) -> None:
    bill = cashier.check(person.phone, amount=100_000)
    forged = bill.send("/till/ask", pay="5,000", token="none")
    assert (forged.status, NO_MESSAGE in forged.text) == (422, True)
    cancelled = cashier.check(person.phone, amount=100_000)
    cancelled.send("/till/cancel")
    late = cancelled.send("/till/ask", pay="5,000")
    assert (late.status, "This form was cancelled" in late.text) == (422, True)
    for page in (forged, late):
        assert "The customer was not asked" in page.text
        assert "The purchase can be booked without points." in page.text
    assert askings(desk, person) == 0
