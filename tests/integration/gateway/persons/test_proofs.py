"""Above the threshold the wallet takes the yes: the code told at a till is too little."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from network.clock import wall_now
from network.ids import uuid7
from network.members import codes, device_codes
from network.members.models import Member
from network.members.service import set_spend_limit, start_session
from network.second_factor import proofs
from network.second_factor.errors import ProofNeededError
from network.second_factor.proofs import Act
from network.spend_requests import answering
from tests.integration.gateway.house import House, Person
from tests.integration.gateway.persons.consenting import answer, ask, available, key_of, refused
from tests.integration.gateway.persons.messages import newest_code


def careful(house: House, *, above: int) -> Person:
    """Return a member with a hundred points who is asked above so many."""
    person = house.member(points=100)
    with house.services.database.unit_of_work() as session:
        session.execute(
            update(Member).where(Member.member_id == person.member_id).values(ask_above=above)
        )
    return person


def test_the_code_of_the_message_takes_what_is_below(house: House) -> None:
    person = careful(house, above=40)
    ask(house, person, "p-1", points=40)
    taken = ask(house, person, "p-1", points=40, consent_code=newest_code(house, person.phone))
    assert (taken.status, available(house, person)) == (201, 60)


def test_the_code_told_at_a_till_takes_nothing_above(house: House) -> None:
    person = careful(house, above=40)
    asked = ask(house, person, "p-2", points=41, idempotency_key="key-of-the-first-call").data
    code = newest_code(house, person.phone)
    again: dict[str, Any] = {"points": 41, "consent_code": code}
    assert refused(lambda: ask(house, person, "p-2", **again)) == "consent_in_wallet"
    assert available(house, person) == 100
    with pytest.raises(ProofNeededError):
        answer(house, person, asked["id"], "yes", code=code)
    services, wall = house.services, wall_now()
    with services.database.unit_of_work() as session:
        entered = start_session(
            session, services.vault, member_id=person.member_id, wall=wall, device=None
        )
        act = Act(kind="request", subject=str(key_of(asked["id"])), points=41)
        whose: dict[str, Any] = {"member_id": person.member_id, "wall": wall}
        proofs.note(session, session_id=entered.session_id, act=act, by="pin", **whose)
        facts: dict[str, Any] = {
            "spend_request_id": key_of(asked["id"]),
            "code": None,
            "now": wall,
            **whose,
        }
        with pytest.raises(ProofNeededError):
            answering.approve(session, services.vault, session_id=uuid7(), **facts)
        answering.approve(session, services.vault, session_id=entered.session_id, **facts)
    taken = ask(house, person, "p-2", points=41, idempotency_key="key-of-the-first-call")
    assert (taken.status, available(house, person)) == (201, 59)


def test_what_the_installation_asks_holds_without_a_choice_of_the_member(house: House) -> None:
    most = house.services.settings.step_up_points
    person = house.member()
    ask(house, person, "p-3", points=most + 1)
    again: dict[str, Any] = {"points": most + 1, "consent_code": newest_code(house, person.phone)}
    assert refused(lambda: ask(house, person, "p-3", **again)) == "consent_in_wallet"


def test_a_phone_without_a_network_is_held_to_the_threshold_of_now(house: House) -> None:
    most = house.services.settings.step_up_points
    person, vault = house.member(points=most + 10), house.services.vault
    wall = wall_now()
    with house.services.database.unit_of_work() as session:
        set_spend_limit(session, member_id=person.member_id, limit=most + 10)
        entered = start_session(session, vault, member_id=person.member_id, wall=wall, device=None)
        # Told so when the installation asked from more points on.
        key = device_codes.give_device_key(
            session,
            vault,
            member_id=person.member_id,
            session_id=entered.session_id,
            limit=most + 10,
        )
    code = codes.make_code(key.secret, handle=key.handle, limit=most + 10, wall=wall, serial=7)
    till: dict[str, Any] = {"member": {"code": code}}
    assert (
        refused(lambda: house.green.client.redeem(**till, merchant_ref="o-1", points=most + 1))
        == "code_limit"
    )
    assert house.green.client.redeem(**till, merchant_ref="o-2", points=most).status == 201
