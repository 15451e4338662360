"""Points without the member's code: asked, answered in the wallet or by a code, taken once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import jsonschema
import pytest
from sqlalchemy import delete, func, insert, select, update

from merchant_gateway.client import ConflictError, ForbiddenError
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.client.errors import NotFoundError, ProblemError, RateLimitedError
from merchant_gateway.client.messages import Answer
from merchant_gateway.schemas.answers import ANSWERS
from network import ids
from network.clock import wall_now
from network.ledger import queries as ledger
from network.ledger.errors import SpendLocked
from network.proofs.errors import ProofBrokenError
from network.reconciliation.evidence_file import check_file, evidence_file
from network.signing.queries import published_keys
from network.spend_requests import answering, queries
from network.spend_requests.errors import (
    CodeNeededError,
    ConsentLapsedError,
    FewerPointsError,
    UnknownSpendRequestError,
)
from network.spend_requests.models import SpendRequest
from network.spend_requests.queries import PREFIX
from network.spend_requests.service import count_try
from tests.fixtures.locks import await_waiters
from tests.integration.gateway.house import House, Person
from tests.integration.gateway.persons.consenting import answer, ask, available, key_of, refused
from tests.integration.gateway.persons.messages import newest_code


def test_a_yes_in_the_wallet_lets_the_same_call_take_the_points(house: House) -> None:
    person, key = house.member(points=100), new_idempotency_key()
    asked = ask(house, person, "c-1", idempotency_key=key)
    jsonschema.validate(asked.data, ANSWERS["ConsentRequired"])
    assert (asked.status, asked.data["state"]) == (202, "consent_required")
    assert available(house, person) == 100  # nothing is held
    again = ask(house, person, "c-1", idempotency_key=key)
    assert (again.status, again.data["id"]) == (202, asked.data["id"])
    till, request = house.green.client, asked.data["id"]
    assert till.redemption(request).data["state"] == "consent_required"
    with pytest.raises(NotFoundError):
        house.blue.client.redemption(request)
    answer(house, person, request, "yes")
    assert till.redemption(request).data["state"] == "approved"
    assert available(house, person) == 100
    taken = ask(house, person, "c-1", idempotency_key=key)
    assert (taken.status, taken.data["state"], taken.data["points"]) == (201, "captured", 30)
    assert available(house, person) == 70
    replay = ask(house, person, "c-1", idempotency_key=key)
    assert (replay.replayed, replay.data) == (True, taken.data)
    assert till.redemption(request).data == till.redemption(taken.data["id"]).data
    with pytest.raises(ConflictError) as second:
        ask(house, person, "c-1")
    assert second.value.facts["entry"] == taken.data["id"]
    assert available(house, person) == 70
    entry = house.services.entry_ids.decode(taken.data["id"], prefix="red")
    with house.services.database.reading() as session:
        how = queries.consent_to(
            session, member_id=entry.member_id, sequence=entry.sequence, wall=wall_now()
        )
    assert how is not None
    assert (how.answered_by, how.points) == ("wallet", 30)
    with house.services.database.unit_of_work() as session:
        found = ledger.entry(session, member_id=entry.member_id, sequence=entry.sequence)
        assert found is not None
        file = evidence_file(
            session,
            house.services.vault,
            entry=found,
            public_id=house.services.entry_ids.encode(
                prefix="ent", member_id=entry.member_id, sequence=entry.sequence
            ),
            actor="test",
            wall=wall_now(),
        )
        keys = published_keys(session)
    assert file["request"]["consent"]["by"] == "wallet"
    check_file(file, keys=keys)
    file["request"]["consent"]["points"] = 31
    with pytest.raises(ProofBrokenError):
        check_file(file, keys=keys)
    said = till.transaction(taken.data["id"]).data
    jsonschema.validate(said, ANSWERS["Transaction"])
    assert said["consent"]["by"] == "wallet"


def test_the_code_of_the_message_takes_exactly_what_was_asked(house: House) -> None:
    person = house.member(points=100)
    asked = ask(house, person, "k-1", points=40, capture="manual").data
    code = newest_code(house, person.phone)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert refused(lambda: ask(house, person, "k-1", points=41, consent_code=code)) == (
        "consent_differs"
    )
    assert refused(lambda: ask(house, person, "k-2", consent_code=code)) == "consent_lapsed"
    elsewhere = partial(
        house.blue.client.redeem,
        member={"phone": person.phone},
        merchant_ref="k-1",
        points=40,
        capture="manual",
        consent_code=code,
    )
    assert refused(elsewhere) == "consent_lapsed"
    assert refused(
        lambda: ask(house, person, "k-1", points=40, capture="manual", consent_code=wrong)
    ) == ("consent_code_wrong")
    key = new_idempotency_key()
    held = ask(
        house,
        person,
        "k-1",
        points=40,
        capture="manual",
        consent_code=code,
        idempotency_key=key,
    )
    assert held.data["state"] == "authorised"
    same = ask(
        house,
        person,
        "k-1",
        points=40,
        capture="manual",
        consent_code=code,
        idempotency_key=key,
    )
    assert same.replayed
    assert house.green.client.capture(held.data["id"]).data["points"] == 40
    assert available(house, person) == 60
    assert house.green.client.redemption(asked["id"]).data["captured"] == 40


def test_points_are_held_as_long_as_the_member_agreed_to(house: House) -> None:
    person = house.member(points=100)
    for ref, minutes, others in (("m-1", None, (16, 60)), ("m-2", 60, (None, 59))):
        asked = ask(house, person, ref, capture="manual", hold_minutes=minutes).data
        answer(house, person, asked["id"], "yes")
        for other in others:
            longer = partial(ask, house, person, ref, capture="manual", hold_minutes=other)
            assert refused(longer) == "consent_differs"
        before = wall_now()
        held = ask(house, person, ref, capture="manual", hold_minutes=minutes).data
        until = datetime.fromisoformat(held["expires_at"]) - timedelta(minutes=minutes or 15)
        assert before <= until <= wall_now()
        house.green.client.void(held["id"])
    assert available(house, person) == 100


def test_tries_are_five_also_beside_each_other(house: House) -> None:
    person = house.member(points=100)
    ask(house, person, "t-1")
    code = newest_code(house, person.phone)
    wrong = [f"{(int(code) + more) % 1_000_000:06}" for more in range(1, 9)]

    def attempt(typed: str) -> str:
        return refused(lambda: ask(house, person, "t-1", consent_code=typed))

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(attempt, wrong))
    assert (codes.count("consent_code_wrong"), codes.count("consent_lapsed")) == (5, 3)
    assert attempt(code) == "consent_lapsed"
    assert available(house, person) == 100


def test_a_no_an_end_and_a_reversal_leave_nothing_to_take(house: House) -> None:
    person, key = house.member(points=100), new_idempotency_key()
    declined = ask(house, person, "n-1", idempotency_key=key).data["id"]
    answer(house, person, declined, "yes")
    answer(house, person, declined, "no")  # before the till came for it
    with pytest.raises(ConsentLapsedError):
        answer(house, person, declined, "yes")
    assert refused(lambda: ask(house, person, "n-1", idempotency_key=key)) == "consent_refused"
    late = ask(house, person, "n-2", idempotency_key=f"{key}-2").data["id"]
    with house.services.database.unit_of_work() as session:
        session.execute(
            update(SpendRequest)
            .where(SpendRequest.spend_request_id == key_of(late))
            .values(expires_at=SpendRequest.requested_at + timedelta(microseconds=1))
        )
    with pytest.raises(ConsentLapsedError):
        answer(house, person, late, "yes")
    assert house.green.client.redemption(late).data["state"] == "expired"
    assert refused(lambda: ask(house, person, "n-2", idempotency_key=f"{key}-2")) == (
        "consent_lapsed"
    )
    undone = ask(house, person, "n-3").data["id"]
    answer(house, person, undone, "yes")
    house.green.client.reverse(member={"phone": person.phone}, merchant_ref="n-3")
    assert house.green.client.redemption(undone).data["state"] == "withdrawn"
    fresh = ask(house, person, "n-3").data["id"]
    answer(house, person, fresh, "yes")
    assert refused(lambda: ask(house, person, "n-3")) == "reference_barred"
    assert available(house, person) == 100


def test_only_the_member_answers_and_a_locked_or_empty_wallet_does_not(house: House) -> None:
    person, other = house.member(points=20), house.member(points=20)
    request = ask(house, person, "o-1", points=20).data["id"]
    with pytest.raises(UnknownSpendRequestError):
        answer(house, other, request, "yes")
    too_much = ask(house, person, "o-2", points=21).data["id"]
    with pytest.raises(FewerPointsError):
        answer(house, person, too_much, "yes")
    person.lock()
    with pytest.raises(SpendLocked):
        answer(house, person, request, "yes")
    code = newest_code(house, person.phone)
    assert refused(lambda: ask(house, person, "o-2", points=21, consent_code=code)) == (
        "spend_locked"
    )
    person.lock(locked=False)
    assert refused(lambda: ask(house, person, "o-2", points=21, consent_code=code)) == (
        "insufficient_points"
    )
    rich = house.member(points=3_000)
    large = ask(house, rich, "o-3", points=2_001).data["id"]
    with pytest.raises(CodeNeededError):
        answer(house, rich, large, "yes")
    done = answer(house, rich, large, "yes", code=newest_code(house, rich.phone))
    assert (done.state, done.answered_by) == ("approved", "wallet_code")


def test_a_merchant_that_knows_a_number_can_do_little_with_it(house: House) -> None:
    person = house.member(points=10)
    for ref in ("m-1", "m-2"):
        ask(house, person, ref)
    with pytest.raises(RateLimitedError) as many:
        ask(house, person, "m-3")
    assert many.value.code == "too_many_asked"
    assert many.value.facts["retry_after"] > 0
    # Another shop's asking is not in its way, nor is the member's own code.
    house.blue.client.redeem(
        member={"phone": person.phone}, merchant_ref="m-1", points=1, consent="ask"
    )
    house.green.client.redeem(member=person.code(), merchant_ref="m-4", points=10)
    with pytest.raises(ForbiddenError) as unasked:
        house.green.client.redeem(member={"phone": person.phone}, merchant_ref="m-5", points=1)
    assert unasked.value.code == "consent_required"
    # A reference that has its entry asks nobody.
    with pytest.raises(ConflictError) as used:
        ask(house, person, "m-4")
    assert used.value.code == "duplicate_reference"
    with house.services.database.reading() as session:
        found = queries.waiting_for(session, member_id=person.member_id, wall=wall_now())
    assert len(found) == 3
    for each in found[:2]:
        answer(house, person, ids.encode(PREFIX, each.spend_request_id), "no")
    for ref in ("m-6", "m-7", "m-8"):
        with house.services.database.unit_of_work() as session:
            session.execute(
                update(SpendRequest)
                .where(SpendRequest.member_id == person.member_id)
                .values(expires_at=SpendRequest.requested_at + timedelta(microseconds=1))
            )
        ask(house, person, ref)
    with pytest.raises(RateLimitedError):
        ask(house, person, "m-9")


def test_confirm_retry_code_and_reverse_at_once_take_the_points_at_most_once(
    house: House,
) -> None:
    for round_ in range(4):
        person, ref = house.member(points=100), f"r-{round_}"
        keys = [new_idempotency_key() for _ in range(2)]
        request = ask(house, person, ref, idempotency_key=keys[0]).data["id"]
        code = newest_code(house, person.phone)
        repeat = partial(ask, house, person, ref, idempotency_key=keys[0])
        by_code = partial(ask, house, person, ref, consent_code=code, idempotency_key=keys[1])
        acts: list[Callable[[], Any]] = [
            partial(answer, house, person, request, "yes"),
            *(repeat, repeat, by_code),
        ]
        if round_ % 2:
            member = {"phone": person.phone}
            acts.append(partial(house.green.client.reverse, member=member, merchant_ref=ref))
        with ThreadPoolExecutor(len(acts)) as pool:
            outcomes = list(pool.map(_outcome, acts))
        taken = {each.data["id"] for each in outcomes if _is_taken(each)}
        assert len(taken) <= 1, outcomes
        if round_ % 2:
            assert available(house, person) == 100, outcomes
        else:
            assert available(house, person) == 100 - 30 * len(taken), outcomes
            assert taken, outcomes


@pytest.mark.parametrize("said", ["yes", "no"])
def test_the_member_answers_while_the_till_asks(house: House, said: str) -> None:
    """The till's call meets the answer half written; it waits, and is told of it."""
    person, key, ref = house.member(points=100), new_idempotency_key(), f"meets-{said}"
    request = ask(house, person, ref, idempotency_key=key).data["id"]
    whose: dict[str, Any] = {
        "member_id": person.member_id,
        "spend_request_id": key_of(request),
        "session_id": ids.uuid7(),
        "wall": wall_now(),
    }
    services = house.services
    with ThreadPoolExecutor(1) as pool:
        with services.database.unit_of_work() as session:
            if said == "yes":
                answering.approve(session, services.vault, code=None, now=wall_now(), **whose)
            else:
                answering.refuse(session, services.vault, **whose)
            asking = pool.submit(ask, house, person, ref, idempotency_key=key)
            await_waiters(services.database)
        if said == "yes":
            taken = asking.result()
            assert (taken.status, taken.data["state"]) == (201, "captured")
        else:
            assert refused(asking.result) == "consent_refused"
    assert available(house, person) == (70 if said == "yes" else 100)


def test_a_reference_that_a_void_gave_back_is_asked_for_again(house: House) -> None:
    person, till = house.member(points=100), house.green.client
    keys = [new_idempotency_key() for _ in range(3)]
    held = partial(ask, house, person, "v-1", capture="manual")
    first = held(idempotency_key=keys[0])
    by_code = partial(held, idempotency_key=keys[1], consent_code=newest_code(house, person.phone))
    voided = by_code()
    till.void(voided.data["id"])
    assert (by_code().replayed, available(house, person)) == (True, 100)
    fresh = held(idempotency_key=keys[2])
    assert (fresh.status, fresh.data["id"] == first.data["id"]) == (202, False)
    answer(house, person, fresh.data["id"], "yes")
    late = by_code()  # is no use of the second yes
    assert (late.replayed, late.data) == (True, voided.data)
    second = held(idempotency_key=keys[2])
    assert (second.status, second.data["state"]) == (201, "authorised")
    assert second.data["id"] != voided.data["id"]
    assert till.redemption(fresh.data["id"]).data["id"] == second.data["id"]
    assert refused(held) == "duplicate_reference"
    till.capture(second.data["id"])
    assert available(house, person) == 70


def test_a_merchant_guesses_only_so_often_whomever_it_asks(house: House) -> None:
    people, till = [house.member() for _ in range(3)], house.blue.client
    of_blue = SpendRequest.merchant_id == house.blue.merchant_id
    ids_of = [
        key_of(
            till.redeem(
                member={"phone": each.phone}, merchant_ref="g-1", points=1, consent="ask"
            ).data["id"]
        )
        for each in people
    ]
    with house.services.database.unit_of_work() as session:
        model = session.execute(
            select(SpendRequest.__table__).where(SpendRequest.spend_request_id == ids_of[0])
        ).one()
        tried = session.scalar(select(func.sum(SpendRequest.attempts)).where(of_blue)) or 0
        lots, rest = divmod(195 - tried, 5)
        for attempts in [5] * lots + [rest]:
            spent = {"spend_request_id": ids.uuid7(), "attempts": attempts, "merchant_ref": "g-0"}
            session.execute(insert(SpendRequest).values({**model._mapping, **spent}))

    def attempt(person: Person) -> str:
        return refused(
            lambda: till.redeem(
                member={"phone": person.phone}, merchant_ref="g-1", points=1, consent_code="none"
            )
        )

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(attempt, people * 3))
    assert (codes.count("consent_code_wrong"), codes.count("too_many_asked")) == (5, 4), codes
    with house.services.database.unit_of_work() as session:  # the member in the wallet may try
        count_try(session, spend_request_id=ids_of[0], at_till=False, wall=wall_now())
        session.execute(delete(SpendRequest).where(of_blue))


def _outcome(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (ProblemError, ConsentLapsedError) as refusal:
        return refusal


def _is_taken(outcome: Any) -> bool:
    return isinstance(outcome, Answer) and outcome.data.get("state") == "captured"
