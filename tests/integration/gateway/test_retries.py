"""What was answered once is answered so again, whatever has become of shop, member or key since."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import redis
import requests
from sqlalchemy import func, select

from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.signing import Ed25519SigningKey
from network.batches.service import room_lock
from network.clock import wall_now
from network.ledger.values import Claim
from network.members import leaving, service
from network.members.enrolment import enrol
from network.merchants import access_epoch, answers, places
from network.merchants import service as merchants
from tests.fixtures.locks import await_waiters
from tests.integration.gateway.batching import (
    JSONL,
    PATH,
    earn_line,
    send_batch,
    work,
    written,
)
from tests.integration.gateway.house import House, Person, Shop, seat_shop, utc_now
from tests.integration.gateway.keys.hands import PROCESSES
from tests.integration.gateway.till import ask, purchase

Send = Callable[[], requests.Response]


def call(
    house: House, shop: Shop, target: str, body: Any, **how: Any
) -> tuple[requests.Response, Send]:
    """Send a call that succeeds; return its answer and how it is sent again, to the byte."""
    key = new_idempotency_key()

    def send() -> requests.Response:
        return ask(house, shop, target=target, body=body, **{"idempotency_key": key, **how})

    first = send()
    assert first.status_code < 300, first.text
    assert "Idempotent-Replayed" not in first.headers
    return first, send


def replayed(first: requests.Response, again: requests.Response) -> None:
    """Hold that an answer is the one of before, byte for byte, and says so."""
    assert (again.status_code, again.content) == (first.status_code, first.content), again.text
    assert again.headers["Idempotent-Replayed"] == "true"


def spent(person: Person, ref: str, **more: Any) -> dict[str, Any]:
    """Return a redemption of 5 points by the member's code."""
    return {"member": person.code(), "merchant_ref": ref, "points": 5, **more}


def code_of(answer: requests.Response) -> str:
    """Return the code of a problem, or of its first field."""
    problem = answer.json()
    return str(problem["errors"][0]["code"] if problem.get("errors") else problem["code"])


def test_a_shop_and_a_till_that_closed_meanwhile(house: House) -> None:
    shop, services = house.green, house.services
    place: dict[str, Any] = {"merchant_id": shop.merchant_id}
    now = wall_now()
    with services.database.unit_of_work() as session:
        for store in ("closing", "tills"):
            merchants.add_store(session, **place, code=store, name_fa="شعبه", name_en=store)
        for till in ("1", "2"):
            places.add_terminal(session, **place, store="tills", code=till, name=till, now=now)
    person = house.member(points=50)
    at_shop, at_till = {"store": "closing"}, {"store": "tills", "terminal": "1"}
    enrolment = {"phone": next(house.phones), "consents": ["membership"], **at_shop}
    done = [
        call(house, shop, "/v1/earnings", purchase(person.phone, **at_shop)),
        call(house, shop, "/v1/earnings", purchase(person.phone, **at_till)),
        call(house, shop, "/v1/redemptions", spent(person, "closed-1", **at_shop)),
        call(house, shop, "/v1/members", enrolment),
    ]
    with services.database.unit_of_work() as session:
        places.close_store(session, **place, code="closing", now=now)
        places.close_terminal(session, **place, store="tills", code="1", now=now)
    for where, problem in ((at_shop, "closed_store"), (at_till, "unknown_terminal")):
        in_a_row = 0
        while in_a_row < PROCESSES:  # each process holds what it read for two seconds
            anew = ask(house, shop, body=purchase(person.phone, **where))
            in_a_row = in_a_row + 1 if anew.status_code != 201 else 0
        assert code_of(anew) == problem
    for first, again in done:
        replayed(first, again())


def test_a_member_who_left_and_whose_phone_and_card_are_no_longer_theirs(house: House) -> None:
    shop, services = house.green, house.services
    gone, other, blocked = (house.member(points=50) for _ in range(3))
    phone = purchase(gone.phone)
    code, card = purchase("", member=gone.code(limit=0)), {"card": blocked.card}
    done = [
        call(house, shop, "/v1/earnings", phone),
        call(house, shop, "/v1/earnings", code),
        call(house, shop, "/v1/redemptions", spent(gone, "left-1")),
        call(house, shop, "/v1/earnings", purchase("", member=card)),
        call(house, shop, "/v1/redemptions/reverse", {"member": card, "merchant_ref": "never"}),
    ]
    assert "balance" in done[1][0].json()
    with services.database.unit_of_work() as session:
        now = wall_now()
        service.block_card(session, member_id=blocked.member_id, card_number=blocked.card, now=now)
        leaving.erase(session, member_id=gone.member_id, now=now, wall=now)
    assert code_of(ask(house, shop, body=purchase("", member=card))) == "card_blocked"
    assert code_of(ask(house, shop, body=purchase(gone.phone))) == "unknown_member"
    for first, again in done:
        replayed(first, again())
    # Somebody else has the phone by now: whose answer it is, the key says.
    with services.database.unit_of_work() as session:
        enrol(
            session,
            services.vault,
            phone=gone.phone,
            consents=["membership"],
            locale="fa",
            name=None,
            now=wall_now(),
        )
    replayed(done[0][0], done[0][1]())
    # The key stands for that request alone, also where the other would be refused anyhow.
    key = new_idempotency_key()
    call(house, shop, "/v1/earnings", purchase(other.phone), idempotency_key=key)
    late = purchase(other.phone, occurred_at="2020-01-01T00:00:00+00:00")
    conflict = ask(house, shop, body=late, idempotency_key=key)
    assert (conflict.status_code, code_of(conflict)) == (422, "idempotency_conflict")
    assert code_of(ask(house, shop, body=late)) == "too_long_ago"


def test_a_merchant_s_last_day_and_a_key_that_opens_less(house: House, redis_url: str) -> None:
    shop = seat_shop(house.services, house.url, "going", pending_days=0)
    person = house.member(points=50)
    lines = written([earn_line(person.phone)])
    bought = call(house, shop, "/v1/earnings", purchase(person.phone))
    done = [
        bought,
        call(house, shop, "/v1/redemptions", spent(person, "last-1")),
        call(house, shop, PATH, lines, media_type=JSONL),
    ]
    with house.services.database.unit_of_work() as session:
        day = house.today()
        merchants.begin_exit(session, merchant_id=shop.merchant_id, leaves_on=day, today=day)
        small = Ed25519SigningKey.generate()
        made = merchants.register_key(
            session,
            house.services.vault,
            merchant_id=shop.merchant_id,
            environment="live",
            public_key=small.verifying_key().to_raw(),
            scopes=["transactions"],
            now=utc_now(),
        )
    with redis.Redis.from_url(redis_url) as client:
        access_epoch.announce(client)
    anew = ask(house, shop, body=purchase(person.phone))
    assert (anew.status_code, code_of(anew)) == (403, "merchant_leaving")
    for first, again in done:
        replayed(first, again())
    # What a key doesn't open it doesn't show either, not even what was answered before.
    key, body = bought[0].request.headers["Idempotency-Key"], bought[0].request.body
    small_key: dict[str, Any] = {"key": small, "key_id": made.key_id, "idempotency_key": key}
    refused = ask(house, shop, body=body, **small_key)
    assert (refused.status_code, code_of(refused)) == (403, "insufficient_scope")
    replayed(bought[0], bought[1]())


def test_what_an_earlier_schema_took_is_answered_though_this_one_refuses_it(house: House) -> None:
    shop, key, target = house.green, new_idempotency_key(), "/v1/members"
    body = b'{"phone":"09120000000","consents":["membership"],"was_taken":true}'
    claim = Claim(
        client_id=shop.merchant_id,
        key=key,
        fingerprint=house.services.vault.blind_index(
            f"POST {target} {sha256(body).hexdigest()}", purpose="claim"
        ),
    )
    with house.services.database.unit_of_work() as session:
        assert answers.claim(session, claim=claim) is None
        answers.keep(session, claim=claim, status=201, answer={"then": 1}, now=wall_now())
    again = ask(house, shop, target=target, body=body, idempotency_key=key)
    assert (again.status_code, again.json()) == (201, {"then": 1})
    assert again.headers["Idempotent-Replayed"] == "true"
    other = ask(house, shop, target=target, body=body + b" ", idempotency_key=key)
    assert code_of(other) == "idempotency_conflict"
    anew = ask(house, shop, target=target, body=body, idempotency_key=new_idempotency_key())
    assert (anew.status_code, anew.json()["code"]) == (422, "invalid_request")


def test_a_duplicate_of_what_is_under_way_is_told_to_come_back(house: House) -> None:
    shop = house.green
    key, target = new_idempotency_key(), "/v1/members"
    body = {"phone": next(house.phones), "consents": ["membership"]}
    with house.services.database.unit_of_work() as session:
        first = Claim(client_id=shop.merchant_id, key=key, fingerprint=b"the first")
        assert answers.claim(session, claim=first) is None
        second = ask(house, shop, target=target, body=body, idempotency_key=key)
        # Also where it would be refused by now: the first may have been taken before that.
        refused = ask(
            house, shop, target=target, body={**body, "store": "closed"}, idempotency_key=key
        )
        session.rollback()
    for each in (second, refused):
        assert (each.status_code, code_of(each)) == (409, "request_in_progress")
        assert int(each.headers["Retry-After"]) > 0
    third = ask(house, shop, target=target, body=body, idempotency_key=key)
    assert third.status_code == 201, third.text


def test_one_batch_twice_at_once_takes_one_place(house: House) -> None:
    shop = seat_shop(house.services, house.url, "busy", pending_days=0)
    while (sent := send_batch(house, shop, [b"{}"])).status_code == 202:
        full = sent.json()["id"]
    # Nineteen are under way; one twice at the same moment is the twentieth.
    work(house, full)
    key, services = new_idempotency_key(), house.services

    def send(_: int) -> requests.Response:
        return send_batch(house, shop, [b"{}", b"{}"], idempotency_key=key)

    with ThreadPoolExecutor(max_workers=2) as pool:
        with services.database.unit_of_work() as session:
            session.execute(select(func.pg_advisory_xact_lock(room_lock(shop.merchant_id))))
            both = [pool.submit(send, number) for number in range(2)]
            await_waiters(services.database, count=2)
        found = [each.result(60) for each in both]
    assert [each.status_code for each in found] == [202, 202], [each.text for each in found]
    assert found[0].content == found[1].content
    assert sum("Idempotent-Replayed" in each.headers for each in found) == 1
    work(house, found[0].json()["id"])
    replayed(found[0], send(2))
    target = found[0].headers["Location"]
    assert ask(house, shop, method="GET", target=target).json()["state"] == "done"
