"""Keys are registered with proof, replaced with an overlap, listed and recorded."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from merchant_gateway.signing import Ed25519SigningKey, prove_possession
from network.merchants.keys import end_after_overlap
from network.merchants.scopes import SCOPES
from network.operators.models import AuditLog
from tests.integration.gateway.house import House, Shop, utc_now
from tests.integration.gateway.keys.hands import PING, PROCESSES, code_of, new_key, registered
from tests.integration.gateway.till import ask


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
        if page["next_cursor"] is None or len(seen) > 400:
            break
        cursor = f"&cursor={page['next_cursor']}"
    whole = ask(house, shop, method="GET", target="/v1/keys?limit=200").json()["items"]
    assert seen == [each["key_id"] for each in whole]
    wrong = ask(house, shop, method="GET", target="/v1/keys?cursor=abc")
    assert code_of(wrong) == (422, "invalid_request")
    many = ask(house, shop, method="GET", target="/v1/keys?limit=201")
    assert many.json()["errors"][0]["code"] == "too_large"


def test_each_act_is_in_the_audit_log(house: House, shop: Shop) -> None:
    key = Ed25519SigningKey.generate()
    made = ask(house, shop, target="/v1/keys", body=new_key(house, shop, key)).json()["key_id"]
    ask(house, shop, target=f"/v1/keys/{made}/revoke")
    with house.services.database.reading() as session:
        acts = session.query(AuditLog).filter(AuditLog.subject == "merchant:blue").all()
        found = [(each.actor, each.action) for each in acts if each.facts.get("key") == made]
    assert found == [("merchant:blue", "key.registered"), ("merchant:blue", "key.revoked")]
