"""Every bad input of the order: its documented error, the field, and nothing half done."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from merchant_gateway.catalogue import KINDS
from merchant_gateway.catalogue_fields import FIELD_TEXTS
from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.limits import Limits
from merchant_gateway.signing import Ed25519SigningKey
from network.language import use_locale
from tests.integration.gateway.house import House, Person, utc_now
from tests.integration.gateway.till import ask, believe, headers_of, purchase, send

FUTURE = (utc_now() + timedelta(hours=1)).isoformat()
CROWD = 1_000
LONG_AGO = (utc_now() - timedelta(days=31)).isoformat()


@pytest.fixture(scope="module")
def person(house: House) -> Person:
    """Return a member for purchases that are refused."""
    return house.member()


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"amount": 0}, "/amount", "not_positive"),
    ({"amount": -5}, "/amount", "not_positive"),
    ({"amount": 2**63}, "/amount", "too_large"),
    ({"amount": 10**400}, "/amount", "too_large"),
    ({"amount": 1.0}, "/amount", "not_integer"),
    ({"amount": 1.5}, "/amount", "not_integer"),
    ({"amount": True}, "/amount", "not_integer"),
    ({"amount": "100"}, "/amount", "not_integer"),
    ({"amount": None}, "/amount", "null"),
    ({"amount": ...}, "/amount", "missing"),
    ({"currency": "USD"}, "/currency", "foreign_currency"),
    ({"currency": ...}, "/currency", "missing"),
    ({"occurred_at": "2026-03-21T10:15:00"}, "/occurred_at", "time_without_zone"),
    ({"occurred_at": "2026-02-30T10:15:00Z"}, "/occurred_at", "not_time"),
    ({"occurred_at": "yesterday"}, "/occurred_at", "not_time"),
    ({"occurred_at": 1711015200}, "/occurred_at", "not_text"),
    ({"occurred_at": FUTURE}, "/occurred_at", "in_the_future"),
    ({"occurred_at": LONG_AGO}, "/occurred_at", "too_long_ago"),
    ({"occurred_at": "9999-12-31T23:59:59-23:59"}, "/occurred_at", "in_the_future"),
    ({"occurred_at": "0001-01-01T00:00:00+23:59"}, "/occurred_at", "too_long_ago"),
    ({"merchant_ref": ""}, "/merchant_ref", "blank"),
    ({"merchant_ref": "x" * 65}, "/merchant_ref", "too_long"),
    ({"merchant_ref": "a\u0000b"}, "/merchant_ref", "control_character"),
    ({"merchant_ref": "a\u202eb"}, "/merchant_ref", "control_character"),
    ({"merchant_ref": "\ud800"}, "/merchant_ref", "control_character"),
    ({"merchant_ref": "cafe\u0301"}, "/merchant_ref", "not_composed"),
    ({"receipt": "R\u00a01"}, "/receipt", "invisible_character"),
    ({"merchant_ref": " a"}, "/merchant_ref", "surrounding_spaces"),
    ({"merchant_ref": 7}, "/merchant_ref", "not_text"),
    ({"channel": "fax"}, "/channel", "not_one_of"),
    ({"store": "nowhere"}, "/store", "unknown_store"),
    ({"tip": 5}, "/tip", "unknown_field"),
    ({"member": {}}, "/member", "exactly_one_of"),
    ({"member": {"salt": "s" * 16}}, "/member", "exactly_one_of"),
    ({"member": {"phone": "1", "salt": "s" * 15}}, "/member/salt", "too_short"),
    ({"member": {"phone": "1", "salt": "s" * 15 + "="}}, "/member/salt", "wrong_form"),
    ({"member": {"phone": "1", "card": "2"}}, "/member", "exactly_one_of"),
    ({"member": "09121234567"}, "/member", "not_object"),
    ({"lines": []}, "/lines", "empty_list"),
    ({"lines": {}}, "/lines", "not_list"),
    ({"lines": [{"amount": 1}] * 501}, "/lines", "too_many"),
    ({"lines": [{"amount": 100_000}, {"amount": -1}]}, "/lines/1/amount", "too_small"),
    ({"lines": [{"amount": 100_000, "quantity": 0}]}, "/lines/0/quantity", "not_positive"),
    ({"lines": [{"amount": 100_000, "size": 1}]}, "/lines/0/size", "unknown_field"),
    ({"lines": ["milk"]}, "/lines/0", "not_object"),
]


@pytest.mark.parametrize(("changes", "pointer", "code"), FIELDS)
def test_a_wrong_field_is_named(
    house: House, person: Person, changes: dict[str, Any], pointer: str, code: str
) -> None:
    response = ask(house, house.green, body=purchase(person.phone, **changes))
    found = response.json()
    assert (response.status_code, found["code"]) == (422, "invalid_request")
    assert response.headers["Content-Type"] == "application/problem+json"
    errors = {each["pointer"]: each for each in found["errors"]}
    assert errors[pointer]["code"] == code
    assert "%(" not in errors[pointer]["detail"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid_request"),
        (b"{", 400, "malformed_json"),
        (b"[]", 400, "malformed_json"),
        (b'"text"', 400, "malformed_json"),
        (b"\xef\xbb\xbf{}", 400, "malformed_json"),
        (b'{"amount": NaN}', 400, "malformed_json"),
        (b'{"amount": -Infinity}', 400, "malformed_json"),
        (b'{"amount": 1} {}', 400, "malformed_json"),
        (b'{"amount": "\xff"}', 400, "malformed_json"),
        (b'{"amount": ' + b"9" * 5000 + b"}", 400, "malformed_json"),
        (b'{"amount": 1, "amount": 2}', 422, "invalid_request"),
        (b'{"member": {"phone": "1", "phone": "2"}}', 422, "invalid_request"),
        (b'{"a":' * 9 + b"1" + b"}" * 9, 422, "invalid_request"),
        (b"[" * 30_000 + b"]" * 30_000, 422, "invalid_request"),
        (b'{"merchant_ref": "' + b"x" * 65_536 + b'"}', 413, "body_too_large"),
    ],
)
def test_a_body_that_is_no_request(house: House, body: bytes, status: int, code: str) -> None:
    if not body:
        headers, signed = headers_of(house, house.green, method="POST", target="/v1/earnings")
        response = send(house, method="POST", target="/v1/earnings", headers=headers)
        believe(house, response, signed.binding)
    elif status == 413:
        headers, _ = headers_of(house, house.green, method="POST", target="/v1/ping", body=body)
        response = send(house, method="POST", target="/v1/earnings", headers=headers, body=body)
        believe(house, response, None)
    else:
        response = ask(house, house.green, body=body)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_duplicate_key_is_named_where_it_stands(house: House) -> None:
    body = b'{"member": {"phone": "1", "phone": "2"}}'
    found = ask(house, house.green, body=body).json()
    assert [(each["pointer"], each["code"]) for each in found["errors"]] == [
        ("/member/phone", "duplicate_key")
    ]


def test_lines_must_add_up(house: House, person: Person) -> None:
    body = purchase(person.phone, lines=[{"amount": 99_999}])
    response = ask(house, house.green, body=body)
    found = response.json()
    assert (response.status_code, found["code"]) == (422, "lines_do_not_sum")
    assert found["facts"] == {"amount": 100_000, "lines": 99_999}


@pytest.mark.parametrize(
    ("member", "status", "code"),
    [
        ({"phone": "09350001122"}, 404, "unknown_member"),
        ({"phone": "0987654"}, 422, "invalid_phone"),
        ({"card": "1234567890123456"}, 422, "invalid_card"),
        ({"code": "A" * 32}, 422, "invalid_code"),
        ({"code": "short"}, 422, "invalid_code"),
        ({"token": "a.b.c"}, 422, "token_invalid"),
    ],
)
def test_a_member_that_is_none(
    house: House, member: dict[str, str], status: int, code: str
) -> None:
    response = ask(house, house.green, body=purchase("", member=member))
    found = response.json()
    assert (response.status_code, found["code"]) == (status, code)
    assert found["errors"][0]["pointer"].startswith("/member/")
    assert next(iter(member.values())) not in response.text


def test_redemptions_take_points_or_an_amount(house: House, person: Person) -> None:
    base = {
        "member": person.code(),
        "merchant_ref": "x",
        "occurred_at": utc_now().isoformat(),
    }
    for measure, pointer, code in (
        ({}, "", "exactly_one_of"),
        ({"points": 1, "amount": 1, "currency": "IRR"}, "", "exactly_one_of"),
        ({"amount": 1000}, "/currency", "missing"),
        ({"points": 0}, "/points", "not_positive"),
        ({"points": 2**63}, "/points", "too_large"),
        ({"points": 1, "capture": "later"}, "/capture", "not_one_of"),
    ):
        response = ask(house, house.green, target="/v1/redemptions", body={**base, **measure})
        error = response.json()["errors"][0]
        assert (response.status_code, error["pointer"], error["code"]) == (422, pointer, code)
    huge = {**base, "points": 2**63 - 1}
    response = ask(house, house.green, target="/v1/redemptions", body=huge)
    assert (response.status_code, response.json()["code"]) == (422, "points_out_of_range")


def test_what_was_refused_left_nothing(house: House) -> None:
    person = house.member()
    key = new_idempotency_key()
    body = purchase(person.phone, amount=0, merchant_ref="again")
    assert ask(house, house.green, body=body, idempotency_key=key).status_code == 422
    body["amount"] = 50_000
    good = ask(house, house.green, body=body, idempotency_key=key)
    assert good.status_code == 201
    assert "Idempotent-Replayed" not in good.headers


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"ago": timedelta(seconds=310)}, "signature_expired"),
        ({"ago": timedelta(seconds=-45)}, "signature_not_yet_valid"),
        ({"key": Ed25519SigningKey.generate()}, "signature_invalid"),
        ({"key_id": "mk_live_aaaaaaaaaaaaaaaa"}, "key_unknown"),
    ],
)
def test_a_signature_that_does_not_hold(house: House, how: dict[str, Any], code: str) -> None:
    response = ask(house, house.green, method="GET", target="/v1/ping", **how)
    assert (response.status_code, response.json()["code"]) == (401, code)
    assert "signature_base" not in response.json(), "only test keys are told"


def test_a_request_without_signature_or_changed_on_its_way(house: House, person: Person) -> None:
    bare = send(house, method="GET", target="/v1/ping", headers={})
    assert (bare.status_code, bare.json()["code"]) == (401, "signature_missing")
    believe(house, bare, None)
    body = json.dumps(purchase(person.phone)).encode()
    headers, _ = headers_of(house, house.green, method="POST", target="/v1/earnings", body=body)
    for changed, status, code in (
        ({"body": body.replace(b"100000", b"900000")}, 400, "digest_mismatch"),
        ({"target": "/v1/earnings?x=1"}, 401, "signature_invalid"),
        ({"headers": {**headers, "Idempotency-Key": "b" * 20}}, 401, "signature_invalid"),
    ):
        given: dict[str, Any] = {"target": "/v1/earnings", "headers": headers, "body": body}
        response = send(house, method="POST", **{**given, **changed})
        assert (response.status_code, response.json()["code"]) == (status, code)


def test_the_same_signed_request_counts_once(house: House) -> None:
    headers, signed = headers_of(house, house.green, method="GET", target="/v1/ping")
    first = send(house, method="GET", target="/v1/ping", headers=headers)
    second = send(house, method="GET", target="/v1/ping", headers=headers)
    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (401, "nonce_replayed")
    believe(house, second, signed.binding)


def test_half_a_body_is_no_wrong_digest(house: House, person: Person) -> None:
    body = json.dumps(purchase(person.phone)).encode()
    headers, _ = headers_of(house, house.green, method="POST", target="/v1/earnings", body=body)
    lines = {"Host": urlsplit(house.url).netloc, "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with _line(house) as line:
        line.sendall(f"POST /v1/earnings HTTP/1.1\r\n{head}\r\n".encode() + body[:-1])
        line.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(partial(line.recv, 65_536), b""))
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"bad_request"' in heard


def test_a_crowd_that_only_stands_there_is_in_nobodys_way(house: House, person: Person) -> None:
    starts = (b"", b"POST /v1/earnings HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n1234")
    with ExitStack() as stack:
        for number in range(CROWD):
            stack.enter_context(_line(house)).sendall(starts[number % len(starts)])
        for number in range(5):
            answer = house.green.client.earn(
                member={"phone": person.phone}, merchant_ref=f"crowd-{number}", amount=10_000
            )
            assert answer.data["points"] == 1


def _line(house: House) -> socket.socket:
    at = urlsplit(house.url)
    return socket.create_connection((str(at.hostname), at.port or 80), timeout=20)


@pytest.mark.parametrize("key", ["short", "x" * 65, "not allowed here!!", "پیوند-پیوند-پیوند"])
def test_an_idempotency_key_of_the_wrong_form(house: House, person: Person, key: str) -> None:
    body = json.dumps(purchase(person.phone)).encode()
    if not key.isascii():
        headers, _ = headers_of(house, house.green, method="POST", target="/v1/earnings", body=body)
        headers["Idempotency-Key"] = key.encode().decode("latin-1")
        response = send(house, method="POST", target="/v1/earnings", headers=headers, body=body)
        assert (response.status_code, response.json()["code"]) == (400, "message_malformed")
        return
    response = ask(house, house.green, body=body, idempotency_key=key)
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_malformed")


def test_a_post_without_an_idempotency_key(house: House, person: Person) -> None:
    body = json.dumps(purchase(person.phone)).encode()
    headers, _ = headers_of(house, house.green, method="POST", target="/v1/earnings", body=body)
    del headers["Idempotency-Key"]
    response = send(house, method="POST", target="/v1/earnings", headers=headers, body=body)
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_missing")


def test_another_media_type(house: House, person: Person) -> None:
    for media_type in ("text/plain", "application/json; charset=utf-16"):
        response = ask(house, house.green, body=purchase(person.phone), media_type=media_type)
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    good = "application/json; charset=UTF-8"
    assert ask(house, house.green, body=purchase(person.phone), media_type=good).ok


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/earnings", 405, "method_not_allowed"),
        ("POST", "/v1/ping", 405, "method_not_allowed"),
        ("GET", "/v1/redemptions/red_aaaa", 404, "unknown_id"),
        ("GET", "/v1/transactions/ern_" + "a" * 59, 404, "unknown_id"),
        ("GET", "/v1/settlements/win_0", 404, "unknown_id"),
        ("GET", "/v1/transactions?limit=0", 422, "invalid_request"),
        ("GET", "/v1/transactions?limit=201", 422, "invalid_request"),
        ("GET", "/v1/transactions?limit=5&limit=6", 422, "invalid_request"),
        ("GET", "/v1/transactions?colour=red", 422, "invalid_request"),
        ("GET", "/v1/transactions?since=1403-13-01", 422, "invalid_request"),
        ("GET", "/v1/transactions?cursor=AAAA", 422, "invalid_request"),
        ("GET", "/v1/settlements?cursor=WyJzZXR0bGVtZW50cyIsIngiXQ", 422, "invalid_request"),
        ("GET", "/v1/transactions?%FF=1", 400, "bad_request"),
    ],
)
def test_paths_and_queries(house: House, method: str, target: str, status: int, code: str) -> None:
    response = ask(house, house.green, method=method, target=target)
    assert (response.status_code, response.json()["code"]) == (status, code)
    if status == 405:
        assert response.headers["Allow"]


def test_raw_targets_verify_as_they_were_sent(house: House) -> None:
    for target in ("/v1/ping?", "/v1/transactions?limit=5", "/v1/pi%6Eg"):
        assert ask(house, house.green, method="GET", target=target).status_code == 200
    for target in ("/v1/redemptions/a%2Fb", "/v1/redemptions/%D9%BE%DB%8C%D9%88%D9%86%D8%AF"):
        response = ask(house, house.green, method="GET", target=target)
        assert response.status_code == 404


def test_errors_speak_the_readers_language(house: House, person: Person) -> None:
    body = purchase(person.phone, amount=0)
    found = ask(house, house.green, body=body, language="fa-IR, en;q=0.5").json()
    with use_locale("fa"):
        assert found["title"] == str(KINDS["invalid_request"].title)
        assert found["errors"][0]["detail"] == str(FIELD_TEXTS["not_positive"])
    assert found["title"] != str(KINDS["invalid_request"].title)


def test_every_answer_tells_the_rate_limit(house: House) -> None:
    response = ask(house, house.green, method="GET", target="/v1/ping")
    assert response.headers["RateLimit-Policy"] == Limits().policy
    assert response.headers["RateLimit"].startswith('"merchant";r=')
    assert response.headers["X-Request-Id"].startswith("req_")


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/v1/ping"), ("DELETE", "/v1/webhook-endpoints/whe_none")]
)
def test_what_takes_no_body_refuses_one(house: House, method: str, target: str) -> None:
    refused = ask(house, house.green, method=method, target=target, body={"a": 1})
    assert (refused.status_code, refused.json()["code"]) == (400, "body_not_allowed")


@pytest.mark.parametrize(
    ("target", "body", "pointer"),
    [
        (f"/v1/earnings/ern_{'a' * 64}/refunds", {"merchant_ref": "a", "amount": 1}, "/currency"),
        ("/v1/disputes", {"amount": 1}, "/currency"),
        ("/v1/disputes", {"currency": "IRR"}, "/amount"),
    ],
)
def test_an_amount_comes_with_its_currency(
    house: House, target: str, body: dict[str, Any], pointer: str
) -> None:
    if "disputes" in target:
        body = {"entry": f"ern_{'a' * 64}", "reason": "amount", "words": "less", **body}
    refused = ask(house, house.green, target=target, body=body)
    assert refused.status_code == 422, refused.text
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        (pointer, "missing")
    ]
