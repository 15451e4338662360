"""What a key opens, and that a revoked one opens nothing from the very next call on."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis
from sqlalchemy import text

from merchant_gateway.signing import Ed25519SigningKey
from network.merchants import access_epoch
from network.merchants import service as merchants
from network.operators.models import AuditLog
from tests.integration.gateway.house import House, Shop, utc_now
from tests.integration.gateway.keys.hands import PING, PROCESSES, code_of, new_key, registered
from tests.integration.gateway.till import ask, purchase


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
        epoch = client.get(access_epoch.EPOCH_KEY)
        for replayed in (create, revoke):
            assert ask(house, shop, **replayed).headers["Idempotent-Replayed"] == "true"
        assert ask(house, shop, target=f"/v1/keys/{key_id}/revoke").status_code == 200
        assert traces() == was
        assert client.get(access_epoch.EPOCH_KEY) == epoch


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
        access_epoch.announce(client)
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
            access_epoch.announce(client)
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
        access_epoch.announce(client)
    person = house.member()
    basket = {"amount": 10_000, "currency": "IRR"}
    spending = {"member": person.code(), "merchant_ref": "late", "points": 5}
    for target, body in (
        ("/v1/earnings", purchase(person.phone)),
        ("/v1/redemptions", spending),
        ("/v1/earnings/quote", basket),
    ):
        refused = ask(house, shop, target=target, body=body)
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
        access_epoch.announce(client)


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
