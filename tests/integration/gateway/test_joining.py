"""Customers join at the till: asked, told a code, and members only once they said yes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

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
from network.members.models import Member, OneTimeCode, TillEnrolment
from network.members.sealing import phone_index
from network.merchants.happenings import Teller
from network.messaging import queries as messaging
from tests.fixtures.locks import await_waiters
from tests.integration.gateway.house import House, Shop

LATER = timedelta(days=60)
"""Until no limit counts any more what other tests did."""


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


@pytest.fixture
def undone(house: House) -> Iterator[Session]:
    """Yield a transaction of which nothing stays, for what would fill the limits of other tests."""
    with house.services.database.unit_of_work() as session:
        yield session
        session.rollback()


def ask(session: Session, house: House, shop: Shop, *, phone: str, wall: datetime) -> UUID:
    """Ask somebody to join at a given time."""
    return joining.ask_to_join(
        session,
        house.services.vault,
        merchant_id=shop.merchant_id,
        store_id=None,
        phone=phone,
        consents=["membership"],
        locale="en",
        name=None,
        wallet_url="http://wallet",
        wall=wall,
    ).enrolment_id


def try_once(session: Session, shop: Shop, enrolment_id: UUID, *, wall: datetime) -> None:
    """Count a try at a code."""
    joining.count_try(session, enrolment_id=enrolment_id, merchant_id=shop.merchant_id, wall=wall)


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


def test_a_token_is_for_the_shop_that_was_told_the_code_and_for_a_week(house: House) -> None:
    phone = next(house.phones)
    told = house.green.client.enrol(phone=phone).data["id"]
    code = newest_code(house, phone)
    other = house.blue.client.enrol(phone=phone).data["id"]
    assert "token" in house.green.client.confirm_enrolment(told, code=code).data
    elsewhere = house.blue.client.confirm_enrolment(other, code=code).data
    jsonschema.validate(elsewhere, ANSWERS["Joined"])
    assert set(elsewhere) == {"id", "state", "member"}
    assert (row_of(house, told).joined_by, row_of(house, other).joined_by) == ("code", "elsewhere")
    with house.services.database.unit_of_work() as session:
        row = session.get_one(TillEnrolment, ids.decode(joining.PREFIX, told))
        row.expires_at = row.requested_at + timedelta(milliseconds=1)
    with pytest.raises(InvalidRequestError) as lapsed:
        house.green.client.confirm_enrolment(told, code=code)
    assert lapsed.value.code == "enrolment_lapsed"
    assert house.green.client.enrolment(told).data["state"] == "active"


@pytest.mark.parametrize("way", ["till", "wallet"])
def test_whoever_joins_waits_for_the_phone_before_any_row(house: House, way: str) -> None:
    services, phone, wall = house.services, next(house.phones), wall_now()
    with services.database.unit_of_work() as session:
        asked = ask(session, house, house.green, phone=phone, wall=wall)
        try_once(session, house.green, asked, wall=wall)
    code = newest_code(house, phone)
    if way == "wallet":
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

    def join(session: Session) -> object:
        if way == "till":
            return joining.join_by_code(
                session,
                services.vault,
                enrolment_id=asked,
                merchant_id=house.green.merchant_id,
                code=code,
                now=wall,
                wall=wall,
            )
        return sign_in.confirm_code(
            session,
            services.vault,
            phone=phone,
            code=code,
            wall=wall,
            now=wall,
            locale="en",
            consents=["membership"],
        )

    with ThreadPoolExecutor(max_workers=1) as pool:
        with services.database.unit_of_work() as session:
            joining.lock_phone(session, phone_index(services.vault, phone=f"+98{phone[1:]}"))
            joins = pool.submit(in_a_unit, house, join)
            await_waiters(services.database)
            # Who holds the phone gets every row at once: here those who join have none yet.
            for rows in (
                select(TillEnrolment.enrolment_id).where(TillEnrolment.enrolment_id == asked),
                select(OneTimeCode.one_time_code_id),
            ):
                session.execute(rows.with_for_update(nowait=True)).all()
        joins.result(timeout=60)
    assert members_with(house, phone) == 1


def in_a_unit(house: House, work: Callable[[Session], object]) -> object:
    """Do something in a transaction of its own."""
    with house.services.database.unit_of_work() as session:
        return work(session)


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
