"""Keys through the real server: scopes, rotation with proof, overlap, revocation at once."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from sqlalchemy import text

from merchant_gateway.signing import Ed25519SigningKey, prove_possession
from network.merchants import access
from network.merchants import service as merchants
from network.merchants.keys import end_after_overlap
from network.merchants.scopes import SCOPES
from network.operators.models import AuditLog
from tests.integration.gateway.house import House, Shop, utc_now
from tests.integration.gateway.till import ask, purchase

PING: dict[str, Any] = {"method": "GET", "target": "/v1/ping"}
PROCESSES = 6
"""Enough calls in a row that both worker processes answer one."""


@pytest.fixture
def shop(house: House) -> Shop:
    """Return the blue shop with the keys of other tests revoked, and a fresh one of its own."""
    with house.services.database.unit_of_work() as session:
        session.execute(
            text("UPDATE network.merchant_key SET revoked_at = now() WHERE merchant_id = :id"),
            {"id": house.blue.merchant_id},
        )
    key_id, key = registered(house)
    return Shop(
        code="blue",
        merchant_id=house.blue.merchant_id,
        key_id=key_id,
        key=key,
        client=house.blue.client,
    )


_DAYS_AGO = count(400, -2)
"""A merchant has twenty new keys a day: each of these is of a day of its own."""


def registered(
    house: House, *, environment: str = "live", scopes: Sequence[str] = SCOPES
) -> tuple[str, Ed25519SigningKey]:
    """Register a key of the blue shop as an operator would, and return it."""
    key = Ed25519SigningKey.generate()
    with house.services.database.unit_of_work() as session:
        made = merchants.register_key(
            session,
            house.services.vault,
            merchant_id=house.blue.merchant_id,
            environment=environment,
            public_key=key.verifying_key().to_raw(),
            scopes=scopes,
            now=utc_now() - timedelta(days=next(_DAYS_AGO)),
        )
    return made.key_id, key


def new_key(
    house: House, shop: Shop, key: Ed25519SigningKey, *, signer: str | None = None, **changes: Any
) -> dict[str, Any]:
    """Return the body that registers ``key``; ``...`` takes a field out."""
    proof = prove_possession(
        authority=urlsplit(house.url).netloc, key_id=signer or shop.key_id, new_key=key
    )
    body = {
        "public_key": key.verifying_key().to_base64url(),
        "proof": urlsafe_b64encode(proof).rstrip(b"=").decode(),
    } | changes
    return {name: value for name, value in body.items() if value is not ...}


def code_of(response: Any) -> tuple[int, str]:
    """Return the status and the code of a problem."""
    return response.status_code, response.json()["code"]


def test_a_key_is_replaced_and_the_old_one_goes_on_for_a_week(house: House, shop: Shop) -> None:
    key = Ed25519SigningKey.generate()
    body = new_key(house, shop, key, replaces=shop.key_id)
    made = ask(house, shop, target="/v1/keys", body=body)
    assert made.status_code == 201, made.text
    new = made.json()
    assert new["key_id"].startswith("mk_live_")
    assert (new["state"], new["scopes"]) == ("active", list(SCOPES))
    for how in ({}, {"key": key, "key_id": new["key_id"]}):
        assert ask(house, shop, **PING, **how).status_code == 200
    listed = ask(house, shop, method="GET", target="/v1/keys").json()["items"]
    old = next(each for each in listed if each["key_id"] == shop.key_id)
    assert old["state"] == "ending"
    assert old["last_used_on"] is not None
    assert old["expires_at"][:10] == (utc_now() + timedelta(days=7)).date().isoformat()
    assert {each["environment"] for each in listed} == {"live"}


def test_a_replaced_key_ends_with_its_overlap(house: House, shop: Shop) -> None:
    key = Ed25519SigningKey.generate()
    body = new_key(house, shop, key, replaces=shop.key_id, overlap_days=0)
    made = ask(house, shop, target="/v1/keys", body=body)
    assert made.status_code == 201
    for _ in range(PROCESSES):
        assert code_of(ask(house, shop, **PING)) == (401, "key_expired")
    again = new_key(
        house, shop, Ed25519SigningKey.generate(), signer=made.json()["key_id"],
        replaces=shop.key_id,
    )  # fmt: skip
    refused = ask(house, shop, target="/v1/keys", body=again, key=key, key_id=made.json()["key_id"])
    assert code_of(refused) == (409, "key_ended")


def test_an_overlap_is_not_made_longer(house: House, shop: Shop) -> None:
    now = utc_now()
    with house.services.database.unit_of_work() as session:
        facts: dict[str, Any] = {"merchant_id": shop.merchant_id, "key_id": shop.key_id}
        first = end_after_overlap(session, **facts, now=now, overlap=timedelta(days=1))
        assert end_after_overlap(session, **facts, now=now, overlap=timedelta(days=9)) == first


def test_the_same_registration_again_gets_the_same_answer(house: House, shop: Shop) -> None:
    body = new_key(house, shop, Ed25519SigningKey.generate())
    first = ask(house, shop, target="/v1/keys", body=body, idempotency_key="k" * 20)
    again = ask(house, shop, target="/v1/keys", body=body, idempotency_key="k" * 20)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other = new_key(house, shop, Ed25519SigningKey.generate())
    conflict = ask(house, shop, target="/v1/keys", body=other, idempotency_key="k" * 20)
    assert code_of(conflict) == (422, "idempotency_conflict")
    fresh = ask(house, shop, target="/v1/keys", body=body)
    assert code_of(fresh) == (409, "key_known")


def test_two_at_once_make_one_key(house: House, shop: Shop) -> None:
    body = new_key(house, shop, Ed25519SigningKey.generate())

    def send(_: int) -> Any:
        return ask(house, shop, target="/v1/keys", body=body, idempotency_key="same-key-at-once")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert {each.status_code for each in answers} <= {201, 409}
    assert {each.json()["code"] for each in answers if each.status_code == 409} <= {
        "request_in_progress"
    }
    assert len({each.json()["key_id"] for each in answers if each.status_code == 201}) == 1


@pytest.mark.parametrize("how", ["other_key", "other_signer", "other_host", "bits", "request"])
def test_a_proof_fits_one_key_one_signer_and_one_host(house: House, shop: Shop, how: str) -> None:
    key, host = Ed25519SigningKey.generate(), urlsplit(house.url).netloc
    prover, signer = key, shop.key_id
    if how == "other_key":
        prover = Ed25519SigningKey.generate()
    elif how == "other_signer":
        signer = house.green.key_id
    elif how == "other_host":
        host = "gateway.example"
    proof = prove_possession(authority=host, key_id=signer, new_key=prover)
    if how == "bits":
        proof = bytes([proof[0] ^ 1]) + proof[1:]
    if how == "request":
        proof = shop.key.sign(key.verifying_key().to_raw())
    body = new_key(house, shop, key, proof=urlsafe_b64encode(proof).rstrip(b"=").decode())
    assert code_of(ask(house, shop, target="/v1/keys", body=body)) == (422, "proof_invalid")


SMALL = urlsafe_b64encode(bytes([1]) + bytes(31)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"public_key": ...}, "/public_key", "missing"),
        ({"proof": ...}, "/proof", "missing"),
        ({"public_key": SMALL}, "/public_key", "weak_or_no_key"),
        ({"public_key": "A" * 43}, "/public_key", "weak_or_no_key"),
        ({"public_key": "!" * 43}, "/public_key", "wrong_form"),
        ({"proof": "A" * 85}, "/proof", "too_short"),
        ({"scopes": []}, "/scopes", "empty_list"),
        ({"scopes": ["earnings", "earnings"]}, "/scopes", "same_word_twice"),
        ({"scopes": ["everything"]}, "/scopes", "not_one_of"),
        ({"scopes": "earnings"}, "/scopes", "not_list"),
        ({"scopes": [7]}, "/scopes", "not_text"),
        ({"overlap_days": 31, "replaces": "mk_live_" + "a" * 16}, "/overlap_days", "too_large"),
        ({"overlap_days": 3}, "/replaces", "missing"),
        ({"replaces": "nobody"}, "/replaces", "wrong_form"),
        ({"environment": "live"}, "/environment", "unknown_field"),
    ],
)
def test_what_is_wrong_with_a_registration_is_named(
    house: House, shop: Shop, changes: dict[str, Any], pointer: str, code: str
) -> None:
    body = new_key(house, shop, Ed25519SigningKey.generate(), **changes)
    refused = ask(house, shop, target="/v1/keys", body=body)
    assert code_of(refused) == (422, "invalid_request")
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        (pointer, code)
    ]


def test_keys_of_others_are_not_there(house: House, shop: Shop) -> None:
    target = f"/v1/keys/{house.green.key_id}/revoke"
    assert code_of(ask(house, shop, target=target)) == (404, "unknown_key")
    body = new_key(house, shop, Ed25519SigningKey.generate(), replaces=house.green.key_id)
    assert code_of(ask(house, shop, target="/v1/keys", body=body)) == (404, "unknown_key")
    listed = ask(house, shop, method="GET", target="/v1/keys?limit=200").json()["items"]
    assert house.green.key_id not in {each["key_id"] for each in listed}
    assert ask(house, house.green, **PING).status_code == 200


def test_four_active_keys_and_no_more(house: House, shop: Shop) -> None:
    for _ in range(3):
        body = new_key(house, shop, Ed25519SigningKey.generate())
        assert ask(house, shop, target="/v1/keys", body=body).status_code == 201
    body = new_key(house, shop, Ed25519SigningKey.generate())
    refused = ask(house, shop, target="/v1/keys", body=body)
    assert code_of(refused) == (409, "too_many_keys")
    instead = body | {"replaces": shop.key_id, "overlap_days": 0}
    assert ask(house, shop, target="/v1/keys", body=instead).status_code == 201


def test_the_list_is_paged(house: House, shop: Shop) -> None:
    registered(house)
    registered(house)
    seen: list[str] = []
    cursor = ""
    while True:
        page = ask(house, shop, method="GET", target=f"/v1/keys?limit=1{cursor}").json()
        seen += [each["key_id"] for each in page["items"]]
        if page["next_cursor"] is None or len(seen) > 40:
            break
        cursor = f"&cursor={page['next_cursor']}"
    whole = ask(house, shop, method="GET", target="/v1/keys?limit=200").json()["items"]
    assert seen == [each["key_id"] for each in whole]
    wrong = ask(house, shop, method="GET", target="/v1/keys?cursor=abc")
    assert code_of(wrong) == (422, "invalid_request")
    many = ask(house, shop, method="GET", target="/v1/keys?limit=201")
    assert many.json()["errors"][0]["code"] == "too_large"


def test_the_very_next_call_with_a_revoked_key_is_refused(house: House, shop: Shop) -> None:
    key_id, key = registered(house)
    for _ in range(PROCESSES):  # every process has read the key just now
        assert ask(house, shop, **PING, key=key, key_id=key_id).status_code == 200
    gone = ask(house, shop, target=f"/v1/keys/{key_id}/revoke")
    assert (gone.status_code, gone.json()["state"]) == (200, "revoked")
    for _ in range(PROCESSES):
        assert code_of(ask(house, shop, **PING, key=key, key_id=key_id)) == (401, "key_revoked")
    again = ask(house, shop, target=f"/v1/keys/{key_id}/revoke")
    assert again.json()["revoked_at"] == gone.json()["revoked_at"]


def test_what_changes_nothing_is_neither_recorded_nor_announced(
    house: House, shop: Shop, redis_url: str
) -> None:
    def traces() -> tuple[int, int]:
        with house.services.database.reading() as session:
            entries = session.query(AuditLog).count()
            events = session.execute(
                text("SELECT count(*) FROM network.outbox WHERE topic = 'merchant.access'")
            ).scalar_one()
        return entries, events

    body = new_key(house, shop, Ed25519SigningKey.generate())
    create: dict[str, Any] = {"target": "/v1/keys", "body": body, "idempotency_key": "c" * 20}
    key_id = ask(house, shop, **create).json()["key_id"]
    revoke: dict[str, Any] = {"target": f"/v1/keys/{key_id}/revoke", "idempotency_key": "r" * 20}
    with redis.Redis.from_url(redis_url) as client:
        before = traces()
        assert ask(house, shop, **revoke).json()["state"] == "revoked"
        was = traces()
        assert was == (before[0] + 1, before[1] + 1)
        epoch = client.get(access.EPOCH_KEY)
        for replayed in (create, revoke):
            assert ask(house, shop, **replayed).headers["Idempotent-Replayed"] == "true"
        assert ask(house, shop, target=f"/v1/keys/{key_id}/revoke").status_code == 200
        assert traces() == was
        assert client.get(access.EPOCH_KEY) == epoch


def test_a_key_can_revoke_itself(house: House, shop: Shop) -> None:
    assert ask(house, shop, target=f"/v1/keys/{shop.key_id}/revoke").status_code == 200
    assert code_of(ask(house, shop, **PING)) == (401, "key_revoked")


def test_who_revokes_elsewhere_announces_it(house: House, shop: Shop, redis_url: str) -> None:
    """What the console and the command line do: the service in a unit of work, then announce."""
    assert ask(house, shop, **PING).status_code == 200
    with house.services.database.unit_of_work() as session:
        merchants.revoke_key(
            session, merchant_id=shop.merchant_id, key_id=shop.key_id, now=utc_now()
        )
    with redis.Redis.from_url(redis_url) as client:
        access.announce(client)
    for _ in range(PROCESSES):
        assert code_of(ask(house, shop, **PING)) == (401, "key_revoked")
    with house.services.database.reading() as session:
        events = session.execute(
            text(
                "SELECT count(*) FROM network.outbox"
                " WHERE topic = 'merchant.access' AND merchant_id = :id"
            ),
            {"id": shop.merchant_id},
        ).scalar_one()
    assert events


def test_a_suspended_merchant_is_refused_with_the_next_call(
    house: House, shop: Shop, redis_url: str
) -> None:
    for _ in range(PROCESSES):
        assert ask(house, shop, **PING).status_code == 200
    with redis.Redis.from_url(redis_url) as client:
        for status, expected in (("suspended", 403), ("active", 200)):
            with house.services.database.unit_of_work() as session:
                merchants.set_status(session, merchant_id=shop.merchant_id, status=status)
            access.announce(client)
            answers = [ask(house, shop, **PING) for _ in range(PROCESSES)]
            assert {each.status_code for each in answers} == {expected}


def test_a_key_opens_what_its_scopes_name(house: House, shop: Shop) -> None:
    key_id, key = registered(house, scopes=["earnings"])
    how: dict[str, Any] = {"key": key, "key_id": key_id}
    person = house.member()
    earned = ask(house, shop, body=purchase(person.phone), **how)
    assert earned.status_code == 201
    refused = ask(
        house, shop, target=f"/v1/earnings/{earned.json()['id']}/refunds", body={"no": "field"},
        **how,
    )  # fmt: skip
    assert code_of(refused) == (403, "insufficient_scope")  # before the schema
    assert refused.json()["facts"] == {"scope": "refunds"}
    for method, target, scope in (
        ("GET", "/v1/keys", "keys"),
        ("GET", "/v1/transactions", "transactions"),
        ("GET", "/v1/settlements", "settlements"),
        ("POST", "/v1/redemptions", "redemptions"),
        ("POST", "/v1/members/lookup", "members"),
    ):
        found = ask(house, shop, method=method, target=target, **how)
        assert code_of(found) == (403, "insufficient_scope"), target
        assert found.json()["facts"] == {"scope": scope}
    assert ask(house, shop, **PING, **how).json()["scopes"] == ["earnings"]


def test_a_key_hands_on_no_more_than_it_opens(house: House, shop: Shop) -> None:
    key_id, key = registered(house, scopes=["keys", "earnings"])
    how: dict[str, Any] = {"key": key, "key_id": key_id, "target": "/v1/keys"}
    own = new_key(house, shop, Ed25519SigningKey.generate(), signer=key_id)
    more = ask(house, shop, body=own | {"scopes": ["refunds"]}, **how)
    assert code_of(more) == (422, "scope_not_held")
    assert more.json()["errors"][0]["pointer"] == "/scopes"
    made = ask(house, shop, body=own, **how)
    assert made.json()["scopes"] == ["earnings", "keys"]


def test_a_test_key_checks_signatures_and_manages_itself(house: House, shop: Shop) -> None:
    key_id, key = registered(house, environment="test")
    how: dict[str, Any] = {"key": key, "key_id": key_id}
    pinged = ask(house, shop, **PING, **how)
    assert pinged.json()["environment"] == "test"
    refused = ask(house, shop, method="GET", target="/v1/transactions", **how)
    assert code_of(refused) == (503, "sandbox_unavailable")  # nobody has made one here
    assert refused.headers["Retry-After"] == "3"
    listed = ask(house, shop, method="GET", target="/v1/keys", **how).json()["items"]
    assert {each["environment"] for each in listed} == {"test"}
    target = f"/v1/keys/{shop.key_id}/revoke"
    assert code_of(ask(house, shop, target=target, **how)) == (404, "unknown_key")
    body = new_key(house, shop, Ed25519SigningKey.generate(), signer=key_id, replaces=shop.key_id)
    assert code_of(ask(house, shop, target="/v1/keys", body=body, **how)) == (404, "unknown_key")
    fresh = new_key(house, shop, Ed25519SigningKey.generate(), signer=key_id)
    made = ask(house, shop, target="/v1/keys", body=fresh, **how)
    assert made.json()["key_id"].startswith("mk_test_")


def test_who_has_left_neither_gives_nor_takes(house: House, shop: Shop, redis_url: str) -> None:
    with house.services.database.unit_of_work() as session:
        merchants.begin_exit(
            session, merchant_id=shop.merchant_id, leaves_on=house.today(), today=house.today()
        )
    with redis.Redis.from_url(redis_url) as client:
        access.announce(client)
    for target in ("/v1/earnings", "/v1/redemptions", "/v1/earnings/quote"):
        refused = ask(house, shop, target=target, body={})
        assert code_of(refused) == (403, "merchant_leaving"), target
    assert ask(house, shop, method="GET", target="/v1/settlements").status_code == 200
    unknown = ask(house, shop, target=f"/v1/earnings/ern_{'a' * 64}/refunds", body={})
    assert unknown.status_code == 422
    with house.services.database.unit_of_work() as session:
        session.execute(
            text(
                "UPDATE network.merchant SET status = 'active', leaves_on = NULL"
                " WHERE merchant_id = :id"
            ),
            {"id": shop.merchant_id},
        )
    with redis.Redis.from_url(redis_url) as client:
        access.announce(client)


def test_each_act_is_in_the_audit_log(house: House, shop: Shop) -> None:
    key = Ed25519SigningKey.generate()
    made = ask(house, shop, target="/v1/keys", body=new_key(house, shop, key)).json()["key_id"]
    ask(house, shop, target=f"/v1/keys/{made}/revoke")
    with house.services.database.reading() as session:
        acts = session.query(AuditLog).filter(AuditLog.subject == "merchant:blue").all()
        found = [(each.actor, each.action) for each in acts if each.facts.get("key") == made]
    assert found == [("merchant:blue", "key.registered"), ("merchant:blue", "key.revoked")]


def test_without_valkey_a_revoked_key_is_refused_too(house: House) -> None:
    """The process reads keys anew with each request while there is no epoch to go by."""
    from merchant_gateway.merchant_keys import MerchantKeys

    keys = MerchantKeys(database=house.services.database, vault=house.services.vault)
    key_id, _ = registered(house)
    assert keys.usable(key_id, wall=utc_now()).key_id == key_id
    with house.services.database.unit_of_work() as session:
        merchants.revoke_key(
            session, merchant_id=house.blue.merchant_id, key_id=key_id, now=utc_now()
        )
    started = time.monotonic()
    assert keys.renewed(None)
    with pytest.raises(Exception, match="revoked"):
        keys.usable(key_id, wall=utc_now())
    assert time.monotonic() - started < 1
