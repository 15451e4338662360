"""The drafts on Idempotency-Key and on RateLimit headers, over real HTTP."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import http_sf
import pytest
import requests

from tests.integration.gateway.house import House
from tests.integration.gateway.till import ask, headers_of, purchase, send

PROBLEM = "application/problem+json"


def _code(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == PROBLEM
    return answer.status_code, answer.json()["code"]


# draft-ietf-httpapi-idempotency-key-header, 2.1: the key is a String of RFC 9651, so in quotes.
@pytest.mark.parametrize("quoted", [True, False])
def test_a_key_is_a_string_of_structured_fields(house: House, *, quoted: bool) -> None:
    bare = secrets.token_urlsafe(18)
    key = http_sf.ser(bare) if quoted else bare
    assert quoted is key.startswith('"')
    body = purchase(house.member().phone)
    made = ask(house, house.green, body=body, idempotency_key=key)
    assert made.status_code == 201, made.text
    again = ask(house, house.green, body=body, idempotency_key=bare)
    assert (again.status_code, again.content) == (201, made.content)
    assert again.headers["Idempotent-Replayed"] == "true"


# The same draft, 2.6 and 2.7: what is answered to a key that is missing, to one of another
# request, to a retry, and to a retry while the first is still under way.
def test_a_missing_key(house: House) -> None:
    body = json.dumps(purchase(house.member().phone)).encode()
    headers, _ = headers_of(house, house.green, method="POST", target="/v1/earnings", body=body)
    del headers["Idempotency-Key"]
    answer = send(house, method="POST", target="/v1/earnings", headers=headers, body=body)
    assert _code(answer) == (400, "idempotency_key_missing")


def test_a_key_of_another_request(house: House) -> None:
    key, phone = secrets.token_urlsafe(18), house.member().phone
    assert ask(house, house.green, body=purchase(phone), idempotency_key=key).ok
    answer = ask(house, house.green, body=purchase(phone), idempotency_key=key)
    assert _code(answer) == (422, "idempotency_conflict")


def test_a_key_is_its_clients_own(house: House) -> None:
    key, body = secrets.token_urlsafe(18), purchase(house.member().phone)
    answers = [ask(house, shop, body=body, idempotency_key=key) for shop in house.shops.values()]
    assert [each.status_code for each in answers] == [201, 201]
    assert "Idempotent-Replayed" not in answers[1].headers


def test_retries_at_once_post_once(house: House) -> None:
    key, body = secrets.token_urlsafe(18), purchase(house.member().phone)

    def retry(_number: int) -> requests.Response:
        return ask(house, house.green, body=body, idempotency_key=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(retry, range(8)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.content for each in answers}) == 1
    assert sum("Idempotent-Replayed" not in each.headers for each in answers) == 1


def test_a_refusal_does_not_use_its_key_up(house: House) -> None:
    key, body = secrets.token_urlsafe(18), purchase(house.member().phone)
    refused = ask(house, house.green, body=body | {"amount": 0}, idempotency_key=key)
    assert refused.status_code == 422
    assert ask(house, house.green, body=body, idempotency_key=key).status_code == 201


# draft-ietf-httpapi-ratelimit-headers: both fields are lists of strings with these parameters.
def test_rate_limits_read_as_structured_fields(house: House) -> None:
    answer = ask(house, house.green, method="GET", target="/v1/ping")
    policies = _quotas(answer.headers["RateLimit-Policy"])
    assert {"merchant", "test", "address"} == set(policies)
    for parameters in policies.values():
        assert set(parameters) == {"q", "w"}
        assert all(type(each) is int and each > 0 for each in parameters.values())
    ((name, left),) = _quotas(answer.headers["RateLimit"]).items()
    assert name == "merchant"
    assert set(left) == {"r", "t"}
    assert 0 <= left["r"] <= policies["merchant"]["q"]
    assert 0 <= left["t"] <= policies["merchant"]["w"]


def _quotas(header: str) -> dict[str, dict[str, Any]]:
    members: Any = http_sf.parse(header.encode(), tltype="list")
    return dict(members)
