"""Customers join at the till: asked, told a code, and members only once they said yes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from merchant_gateway.client import ConflictError, InvalidRequestError, NotFoundError
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.schemas.answers import ANSWERS
from network import ids
from network.clock import wall_now
from network.events.queries import Event
from network.language import persian_digits
from network.members import joining, queries, sign_in
from network.members.models import Member, OneTimeCode, TillEnrolment
from network.members.sealing import phone_index
from network.merchants.happenings import Teller
from tests.fixtures.locks import await_waiters
from tests.integration.gateway.house import House
from tests.integration.gateway.persons.enrolling import (
    ask,
    in_a_unit,
    members_with,
    row_of,
    try_once,
)
from tests.integration.gateway.persons.messages import newest_code


def wallet_code(house: House, *, phone: str, wall: datetime) -> str:
    """Ask for a code to sign in with, as the wallet does, and return it."""
    with house.services.database.unit_of_work() as session:
        sign_in.request_code(
            session,
            house.services.vault,
            phone=phone,
            address=None,
            locale="en",
            domain="wallet",
            wall=wall,
        )
    return newest_code(house, phone)


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
        code = wallet_code(house, phone=phone, wall=wall)

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


def test_who_joins_in_the_wallet_is_told_to_who_asked_and_the_rest_is_forgotten(
    house: House,
) -> None:
    services, phone, never = house.services, next(house.phones), next(house.phones)
    asked = house.green.client.enrol(phone=phone, name="Mina").data["id"]
    silent = house.green.client.enrol(phone=never).data["id"]
    wall = wall_now()
    code = wallet_code(house, phone=phone, wall=wall)
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
            "members": f"{{{person.member_id},{person.member_id}}}",
            "sequences": "{1,1}",
            "points": "{10,10}",
        },
    }
    topics = ["member.joined", "ledger.issuance", "wallet.seen", "redemption.answered"]
    events = [
        Event(
            event_id=1,
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
