"""How often somebody is asked to join, and how often a code is tried."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from merchant_gateway.client import InvalidRequestError, NotFoundError
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.client.errors import RateLimitedError
from network import ids
from network.clock import wall_now
from network.members import joining
from network.members.errors import ThrottledError
from network.members.models import TillEnrolment
from tests.integration.gateway.house import House
from tests.integration.gateway.persons.enrolling import LATER, ask, members_with, row_of, try_once
from tests.integration.gateway.persons.messages import newest_code


def test_a_code_is_tried_five_times_and_only_by_who_asked(house: House) -> None:
    till, phone = house.green.client, next(house.phones)
    asked = till.enrol(phone=phone).data["id"]
    code = newest_code(house, phone)
    with pytest.raises(NotFoundError):
        house.blue.client.confirm_enrolment(asked, code=code)
    with pytest.raises(NotFoundError):
        house.blue.client.enrolment(asked)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(InvalidRequestError) as caught:
            till.confirm_enrolment(asked, code=wrong)
        assert caught.value.code == "enrolment_code_wrong"
        assert caught.value.facts["attempts_left"] == left
    with pytest.raises(InvalidRequestError) as lapsed:
        till.confirm_enrolment(asked, code=code)
    assert lapsed.value.code == "enrolment_lapsed"
    assert members_with(house, phone) == 0


def test_messages_are_few_and_a_retry_sends_none(house: House) -> None:
    till, phone, key = house.green.client, next(house.phones), new_idempotency_key()
    first = till.enrol(phone=phone, idempotency_key=key)
    code = newest_code(house, phone)
    assert till.enrol(phone=phone, idempotency_key=key).data == first.data
    assert newest_code(house, phone) == code
    with pytest.raises(RateLimitedError) as soon:
        till.enrol(phone=phone)
    assert soon.value.code == "too_many_codes"
    assert 0 < soon.value.facts["retry_after"] <= 60
    # Another shop may ask the same person, and learns nothing of this one's asking.
    other = house.blue.client.enrol(phone=phone)
    assert other.data["id"] != first.data["id"]
    with pytest.raises(InvalidRequestError) as caught:
        till.enrol(phone=next(house.phones), consents=["offers"])
    assert caught.value.code == "membership_consent_required"


@pytest.fixture
def undone(house: House) -> Iterator[Session]:
    """Yield a transaction of which nothing stays, for what would fill the limits of other tests."""
    with house.services.database.unit_of_work() as session:
        yield session
        session.rollback()


def test_over_days_a_phone_gets_few_messages_of_all_shops(house: House, undone: Session) -> None:
    phone, begin = next(house.phones), wall_now()
    sent = []
    for day in range(7):
        sent.append(0)
        for minute in range(0, 8, 2):
            for shop in house.shops.values():
                wall = begin + timedelta(days=day, minutes=minute)
                try:
                    ask(undone, house, shop, phone=phone, wall=wall)
                except ThrottledError:
                    continue
                sent[day] += 1
    assert sum(sent) == 8
    assert max(sent) == 4


def test_a_shops_wrong_codes_are_few_over_all_codes_and_asking_again_forgets_none(
    house: House, undone: Session
) -> None:
    wall, shop, phone = wall_now() + LATER, house.green, next(house.phones)
    first = ask(undone, house, shop, phone=phone, wall=wall)
    for _ in range(3):
        try_once(undone, shop, first, wall=wall)
    wall += timedelta(hours=1)
    assert ask(undone, house, shop, phone=phone, wall=wall) == first
    row = undone.get_one(TillEnrolment, first)
    assert (row.attempts, row.all_tries, row.all_messages) == (0, 3, 2)
    other = ask(undone, house, shop, phone=next(house.phones), wall=wall)
    row.all_tries = joining.MOST_VAIN_TRIES - 1
    try_once(undone, shop, other, wall=wall)
    for each in (first, other):
        with pytest.raises(ThrottledError) as caught:
            try_once(undone, shop, each, wall=wall)
        assert caught.value.facts["retry_after"] == 24 * 3600 + 600
    assert undone.get_one(TillEnrolment, other).attempts == 1
    # Another shop's codes are its own, and a day later there is room again.
    blue = ask(undone, house, house.blue, phone=phone, wall=wall)
    try_once(undone, house.blue, blue, wall=wall)
    wall += timedelta(days=1, minutes=10)
    again = ask(undone, house, shop, phone=next(house.phones), wall=wall)
    try_once(undone, shop, again, wall=wall)


def test_a_right_code_is_no_vain_try(house: House) -> None:
    phone = next(house.phones)
    asked = house.green.client.enrol(phone=phone).data["id"]
    code = newest_code(house, phone)
    with pytest.raises(InvalidRequestError):
        house.green.client.confirm_enrolment(asked, code=f"{(int(code) + 1) % 1_000_000:06}")
    house.green.client.confirm_enrolment(asked, code=code)
    assert row_of(house, asked).all_tries == 1


def test_a_shops_messages_are_counted_also_to_persons_asked_before(
    house: House, undone: Session
) -> None:
    wall, shop, phone = wall_now() + LATER, house.green, next(house.phones)
    model = undone.get_one(TillEnrolment, ask(undone, house, shop, phone=phone, wall=wall))
    most, span = joining.MERCHANT_LIMITS[0]
    values = {each.key: getattr(model, each.key) for each in TillEnrolment.__table__.columns}
    values |= {"requested_at": wall - timedelta(days=3), "messages": 3, "all_messages": 5}
    strangers = [
        values | {"enrolment_id": ids.uuid7(), "phone_index": number.to_bytes(32)}
        for number in range(most // 3 - 1)
    ]
    undone.execute(insert(TillEnrolment), strangers)
    # With the one asked there is room for two more: somebody new, and the same one again.
    wall += timedelta(minutes=1)
    ask(undone, house, shop, phone=next(house.phones), wall=wall)
    ask(undone, house, shop, phone=phone, wall=wall)
    for each in (phone, next(house.phones)):
        with pytest.raises(ThrottledError) as caught:
            ask(undone, house, shop, phone=each, wall=wall + timedelta(minutes=1))
        assert caught.value.facts["retry_after"] == span.total_seconds() - 120
