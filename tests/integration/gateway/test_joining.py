"""Customers join at the till: asked, told a code, and members only once they said yes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from sqlalchemy import select

from merchant_gateway.client import ConflictError, InvalidRequestError, NotFoundError
from merchant_gateway.client.client import new_idempotency_key
from merchant_gateway.client.errors import RateLimitedError
from merchant_gateway.schemas.answers import ANSWERS
from network import ids
from network.clock import wall_now
from network.events.queries import Event
from network.language import persian_digits
from network.members import joining, queries, resolving, sign_in
from network.members.errors import ThrottledError
from network.members.models import Member, TillEnrolment
from network.merchants.happenings import Teller
from network.messaging import queries as messaging
from tests.integration.gateway.house import House


def newest_code(house: House, phone: str) -> str:
    """Return the code of the last message to a phone."""
    with house.services.database.reading() as session:
        found = messaging.latest(session, house.services.vault, limit=100)
    text = next(each.body for each in found if each.recipient.endswith(phone[1:]))
    digits = "".join(
        str("۰۱۲۳۴۵۶۷۸۹".find(each)) if each in "۰۱۲۳۴۵۶۷۸۹" else each for each in text
    )
    code = re.search(r"(?<!\d)\d{6}(?!\d)", digits)
    assert code is not None, text
    return code[0]


def members_with(house: House, phone: str) -> int:
    """Return how many members have a phone."""
    with house.services.database.reading() as session:
        found = resolving.members_by_phone(
            session, house.services.vault, phones=[f"+98{phone[1:]}"]
        )
    return len(found)


def row_of(house: House, enrolment_id: str) -> TillEnrolment:
    """Return what is stored of somebody who was asked."""
    with house.services.database.reading() as session:
        key = ids.decode(joining.PREFIX, enrolment_id)
        return session.scalars(select(TillEnrolment).where(TillEnrolment.enrolment_id == key)).one()


def test_a_customer_joins_by_the_code_and_earns_at_once(house: House) -> None:
    till, phone = house.green.client, next(house.phones)
    asked = till.enrol(phone=phone, consents=["membership", "offers"], name="Sara", locale="fa")
    jsonschema.validate(asked.data, ANSWERS["Enrolment"])
    assert members_with(house, phone) == 0
    with pytest.raises(NotFoundError) as stranger:
        till.earn(member={"phone": phone}, merchant_ref="j-1", amount=100_000)
    assert stranger.value.code == "unknown_member"
    waiting = till.enrolment(asked.data["id"]).data
    jsonschema.validate(waiting, ANSWERS["EnrolmentNow"])
    assert (waiting["state"], waiting["member"]) == ("pending", None)
    key = new_idempotency_key()
    code = persian_digits(newest_code(house, phone))
    joined = till.confirm_enrolment(asked.data["id"], code=code, idempotency_key=key)
    jsonschema.validate(joined.data, ANSWERS["Joined"])
    again = till.confirm_enrolment(asked.data["id"], code=code, idempotency_key=key)
    assert again.replayed
    assert again.data["member"] == joined.data["member"]
    earned = till.earn(
        member={"token": again.data["token"]}, merchant_ref="j-1", amount=100_000
    ).data
    assert earned["points"] == 10
    found = till.lookup(member={"phone": phone}).data
    assert (found["name"], found["member"]) == ("S•••", joined.data["member"])
    row = row_of(house, asked.data["id"])
    assert row.member_id is not None
    assert (row.phone_index, row.sealed_phone, row.sealed_name) == (None, None, None)
    with house.services.database.reading() as session:
        said = queries.consents(session, member_id=row.member_id)
    assert said == {"membership": True, "offers": True, "research": False}
    with pytest.raises(ConflictError) as member:
        till.enrol(phone=phone)
    assert member.value.code == "already_member"


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


def test_over_days_a_phone_gets_few_messages_of_all_shops(house: House) -> None:
    services, phone = house.services, next(house.phones)
    begin = wall_now()
    sent = 0
    for minute in range(0, 12, 2):
        for shop in house.shops.values():
            try:
                with services.database.unit_of_work() as session:
                    joining.ask_to_join(
                        session,
                        services.vault,
                        merchant_id=shop.merchant_id,
                        store_id=None,
                        phone=phone,
                        consents=["membership"],
                        locale="en",
                        name=None,
                        wallet_url="http://wallet",
                        wall=begin + timedelta(minutes=minute),
                    )
            except ThrottledError:
                continue
            sent += 1
    assert sent == 4


def test_who_joins_in_the_wallet_is_told_to_who_asked_and_the_rest_is_forgotten(
    house: House,
) -> None:
    services, phone, never = house.services, next(house.phones), next(house.phones)
    asked = house.green.client.enrol(phone=phone, name="Mina").data["id"]
    silent = house.green.client.enrol(phone=never).data["id"]
    wall = wall_now()
    with services.database.unit_of_work() as session:
        sign_in.request_code(
            session,
            services.vault,
            phone=phone,
            address=None,
            locale="en",
            domain="wallet",
            wall=wall,
        )
    code = newest_code(house, phone)
    with services.database.unit_of_work() as session:
        entered = sign_in.confirm_code(
            session,
            services.vault,
            phone=phone,
            code=code,
            wall=wall,
            now=wall,
            locale="en",
            consents=["membership"],
        )
    assert isinstance(entered, sign_in.SignedIn)
    now = house.green.client.enrolment(asked).data
    assert now["state"] == "active"
    assert now["member"] == house.green.client.lookup(member={"phone": phone}).data["member"]
    with services.database.unit_of_work() as session:
        later = wall + joining.LIFE + timedelta(minutes=1)
        assert joining.forget_unanswered(session, wall=later, limit=1_000) >= 1
    with pytest.raises(NotFoundError) as gone:
        house.green.client.enrolment(silent)
    assert gone.value.code == "unknown_enrolment"
    assert house.green.client.enrolment(asked).data["state"] == "active"
    with services.database.reading() as session:
        assert session.get(Member, entered.member_id) is not None


def test_merchants_are_told_a_cause_before_its_effect(house: House) -> None:
    person, green = house.member(points=10), house.green.merchant_id
    entries: dict[str, dict[str, Any]] = {
        "ledger.issuance": {"sequence": 1, "points": 10},
        "ledger.issuances": {
            "members": [str(person.member_id)] * 2,
            "sequences": [1, 1],
            "points": [10, 10],
        },
    }
    topics = ["member.joined", "ledger.issuance", "wallet.seen", "redemption.answered"]
    events = [
        Event(
            event_id=ids.uuid7(),
            topic=topic,
            member_id=person.member_id,
            merchant_id=green,
            payload=entries.get(topic, {}),
            recorded_at=wall_now(),
        )
        for topic in [*topics, "ledger.issuances", "member.joined"]
    ]
    services = house.services
    teller = Teller(vault=services.vault, entry_ids=services.entry_ids)
    with services.database.reading() as session:
        told = [each.type for each in teller.happenings(session, events=events)]
    earned = "earning.created"
    assert told == [
        *("member.joined", earned, "redemption.answered"),
        *(earned, earned, "member.joined"),
    ]
