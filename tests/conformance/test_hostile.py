"""What somebody would try who wants points, somebody else's figures, or the gateway on its knees.

Over real sockets. Each row says what is done to a good request; whatever it is, the answer is the
documented refusal and nothing was posted.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from merchant_gateway.operations import Operation, load_operations
from merchant_gateway.signing import Ed25519SigningKey
from tests.conformance.tampering import (
    PATIENCE_SECONDS,
    Change,
    Heard,
    answer_to,
    covering,
    good_body,
    heard_in,
    on_the_wire,
    other_body,
    other_body_and_digest,
    posted,
    replaced,
    resigned,
    signed,
    spoken_to,
    twice,
    with_the_public_key,
    without,
)
from tests.integration.gateway.batching import earn_line
from tests.integration.gateway.house import House, Shop, seat_shop
from tests.integration.gateway.till import ask, purchase

_OLD = timedelta(seconds=301)
_AHEAD = timedelta(seconds=31)

SIGNATURES: dict[str, tuple[Change, int, str]] = {
    "stripped": (without("Signature", "Signature-Input"), 401, "signature_missing"),
    "half stripped": (without("Signature"), 401, "signature_missing"),
    "all zero": (covering(sign=False), 401, "signature_invalid"),
    "by a stranger's key": (
        resigned(key=lambda _: Ed25519SigningKey.generate()),
        401,
        "signature_invalid",
    ),
    "in another's name": (
        resigned(key_id=lambda house: house.blue.key_id),
        401,
        "signature_invalid",
    ),
    "by an unknown key": (
        resigned(key_id=lambda _: "mk_live_aaaaaaaaaaaaaaaa"),
        401,
        "key_unknown",
    ),
    "HMAC under the public key": (with_the_public_key, 401, "signature_algorithm"),
    "said to be HMAC": (covering(alg="hmac-sha256"), 401, "signature_algorithm"),
    "said to be nothing": (covering(alg="none"), 401, "signature_algorithm"),
    "too old": (resigned(now=lambda _: datetime.now(UTC) - _OLD), 401, "signature_expired"),
    "ahead": (resigned(now=lambda _: datetime.now(UTC) + _AHEAD), 401, "signature_not_yet_valid"),
    "for another body": (other_body, 400, "digest_mismatch"),
    "for another body, digest mended": (other_body_and_digest, 401, "signature_invalid"),
    "for another key": (replaced("Idempotency-Key", "x" * 20), 401, "signature_invalid"),
    "for another host": (replaced("Host", "elsewhere.example"), 401, "signature_invalid"),
    "without a digest": (without("Content-Digest"), 400, "digest_missing"),
    **{
        f"that leaves {name} out": (covering(name), 401, "signature_components")
        for name in (
            "@method",
            "@authority",
            "@path",
            "@query",
            "content-type",
            "content-digest",
            "idempotency-key",
        )
    },
}

TWICE: dict[str, tuple[Change, set[int]]] = {
    "Signature": (twice("Signature"), {401}),
    "Signature-Input": (twice("Signature-Input"), {401}),
    "Content-Digest": (twice("Content-Digest"), {400, 401}),
    "Idempotency-Key": (twice("Idempotency-Key", "y" * 20), {400, 401}),
    "Content-Type": (twice("Content-Type", "text/plain"), {400, 401, 415}),
    "Host": (twice("Host", "elsewhere.example"), {400, 401}),
    "Content-Length": (twice("Content-Length", "5"), {0, 400}),
}


@pytest.mark.parametrize("row", SIGNATURES, ids=str)
def test_a_signature(house: House, row: str) -> None:
    change, status, code = SIGNATURES[row]
    body = good_body(house)
    before = posted(house)
    headers, sent = change(house, signed(house, body), body)
    assert answer_to(house, headers, sent) == Heard(status, code)
    assert posted(house) == before


@pytest.mark.parametrize("name", TWICE)
def test_a_header_that_is_sent_twice(house: House, name: str) -> None:
    change, statuses = TWICE[name]
    body = good_body(house)
    before = posted(house)
    headers, sent = change(house, signed(house, body), body)
    assert answer_to(house, headers, sent).status in statuses
    assert posted(house) == before


def test_a_good_request_is_taken_once_and_its_replay_refused(house: House) -> None:
    body = good_body(house)
    before = posted(house)
    wire = on_the_wire(signed(house, body), body)
    assert heard_in(spoken_to(house, wire)).status == 201
    assert heard_in(spoken_to(house, wire)) == Heard(401, "nonce_replayed")
    assert posted(house) == before + 1


@pytest.mark.parametrize(
    "extra",
    [
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity, chunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: +5\r\n",
        b"Idempotency_Key: aaaaaaaaaaaaaaaaaaaa\r\nContent-Length: 7\r\n",
        b"X: a\r\n folded: b\r\n",
        b"X: a\rContent-Length: 3\r\n",
        b"\x00: a\r\n",
    ],
    ids=lambda raw: repr(raw)[2:40],
)
def test_a_second_request_hidden_in_the_first(house: House, extra: bytes) -> None:
    """Whatever two parsers might disagree about is refused, and nothing behind it is read."""
    body = good_body(house)
    before = posted(house)
    hidden = on_the_wire(signed(house, body), body)
    first = on_the_wire(signed(house, body), b"0\r\n\r\n").replace(b"Host:", extra + b"Host:", 1)
    heard = spoken_to(house, first + hidden)
    assert heard == b"" or heard_in(heard).status == 400
    assert heard.count(b"HTTP/1.1 ") <= 1
    assert posted(house) == before


BOMBS: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "nested lists": (
        lambda _: b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        422,
        "invalid_request",
    ),
    "nested objects": (lambda _: b'{"a":' * 9_000 + b"1" + b"}" * 9_000, 422, "invalid_request"),
    "a number without end": (lambda _: b'{"amount":' + b"9" * 60_000 + b"}", 400, "malformed_json"),
    "an exponent": (lambda _: b'{"amount":1e999999999}', 422, "invalid_request"),
    "many keys": (
        lambda _: json.dumps({f"k{n}": 1 for n in range(5_000)}).encode(),
        422,
        "invalid_request",
    ),
    "the same key": (
        lambda _: b"{" + b'"amount":1,' * 5_000 + b'"amount":1}',
        422,
        "invalid_request",
    ),
    "half a character": (lambda good: good[:-1] + b"\xc3", 400, "malformed_json"),
    "a lone surrogate": (lambda _: b'{"merchant_ref":"\\ud800"}', 422, "invalid_request"),
    "too much": (lambda good: good + b" " * 65_536, 413, "body_too_large"),
}


@pytest.mark.parametrize("row", BOMBS, ids=str)
def test_a_body_that_would_burst(house: House, row: str) -> None:
    make, status, code = BOMBS[row]
    before = posted(house)
    body = make(good_body(house))
    assert answer_to(house, signed(house, body), body) == Heard(status, code)
    assert posted(house) == before


def test_a_size_is_refused_before_it_is_sent(house: House) -> None:
    body = good_body(house)
    for length in ("10000000000", "65537"):
        headers, _ = replaced("Content-Length", length)(house, signed(house, body), body)
        assert answer_to(house, headers, b"") == Heard(413, "body_too_large")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (without("Signature"), "signature_missing"),
        (replaced("Signature", "peyvand=:AAAA:"), "signature_invalid"),
        (replaced("Content-Digest", "sha-256=:AAAA:"), "signature_invalid"),
        (resigned(key_id=lambda _house: "mk_live_nobody"), "key_unknown"),
        (resigned(key_id=lambda house: house.blue.key_id), "signature_invalid"),
        (resigned(now=lambda _house: datetime.now(UTC) - timedelta(hours=1)), "signature_expired"),
    ],
)
def test_a_large_body_is_refused_before_it_is_sent(house: House, change: Change, code: str) -> None:
    large, path = b"x" * 200_000, "/v1/earnings/batches"
    headers, _ = change(house, signed(house, large, path=path), large)
    heard = answer_to(house, headers, b"", path=path)
    assert heard == Heard(401, code)


def test_slow_bodies_hold_nobody_else_up(house: House) -> None:
    body = good_body(house)
    url = urlsplit(house.url)
    lines = [
        socket.create_connection((url.hostname or "", url.port or 0), PATIENCE_SECONDS)
        for _ in range(3)
    ]
    try:
        wires = [on_the_wire(signed(house, body), body) for _ in lines]
        for line, wire in zip(lines, wires, strict=True):
            line.sendall(wire[:-5])
        assert house.green.client.ping().status == 200
        answers = []
        for line, wire in zip(lines, wires, strict=True):
            line.sendall(wire[-5:])
            answers.append(line.recv(65_536).split(b" ")[1])
        assert sorted(answers) == [b"201", b"409", b"409"]
    finally:
        for line in lines:
            line.close()


@pytest.mark.parametrize(
    "trick",
    [
        "R-1\u202e1000",
        "R-1\u2066x\u2069",
        "R-1\u200b",
        "R\u2060-1",
        "\ufeffR-1",
        "R-1\u200f",
        "R\u00ad-1",
        "R-1\x00",
        "R\ufe0f-1",
        "R\u2003-1",
        "cafe\u0301",
        "\u0631\u200c\u0641",
        "R-1\n",
        " R-1",
        "R-1\u3000",
    ],
    ids=ascii,
)
def test_a_reference_that_looks_like_another(house: House, trick: str) -> None:
    answer = ask(house, house.green, body=purchase(house.member().phone, merchant_ref=trick))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == "/merchant_ref"


def test_references_that_differ_are_different(house: House) -> None:
    """What is written otherwise is another reference, and Persian keeps its half-space."""
    phone = house.member().phone
    for reference in ("caf\u00e9", "\u06cc", "\u064a", "\uff32-1", "R-1", "می\u200cشود", "میشود"):
        answer = ask(house, house.green, body=purchase(phone, merchant_ref=reference))
        assert answer.status_code == 201, answer.text


def _own_ids(house: House, shop: Shop) -> dict[str, str]:
    """Return an id of the shop's own for every parameter that a path can have."""
    client, person = shop.client, house.member(points=500)
    redeemed = client.redeem(
        member=person.code(), merchant_ref=secrets.token_hex(8), points=5, capture="manual"
    ).data["id"]
    earned = client.earn(
        member={"phone": person.phone}, merchant_ref=secrets.token_hex(8), amount=90_000
    ).data["id"]
    endpoint = client.endpoints.create("https://green.example/hook").data["id"]
    return {
        "earning_id": earned,
        "entry_id": earned,
        "redemption_id": redeemed,
        "endpoint_id": endpoint,
        "event_id": client.endpoints.test(endpoint).data["id"],
        "batch_id": client.batches.send([earn_line(person.phone)]).data["id"],
        "key_id": shop.key_id,
    }


_BODIES: dict[str, dict[str, Any]] = {
    "refund_earning": {"merchant_ref": "x", "amount": 1_000, "currency": "IRR"},
    "refund_redemption": {"merchant_ref": "x", "points": 1},
    "capture_redemption": {"points": 1},
    "change_webhook_endpoint": {"state": "disabled"},
}


def test_another_merchants_ids_lead_nowhere(house: House) -> None:
    """Every path with an id in it, so that a new one is tried without anybody's thinking of it."""
    # One of its own: who tried the document out before has used up the green shop's endpoints.
    shop = seat_shop(house.services, house.url, "another", pending_days=0)
    ids = _own_ids(house, shop)
    tried = set()
    for each in load_operations().values():
        names = [part[1:-1] for part in each.path.split("/") if part.startswith("<")]
        if not names or not set(names) <= ids.keys():
            continue
        answer = _asked(house, each, ids)
        assert (each.name, answer.status_code) == (each.name, 404), answer.text
        tried |= set(names)
    assert tried == ids.keys()
    shown = shop.client.redemption(ids["redemption_id"]).data
    assert shown["state"] == "authorised"
    assert shop.client.endpoints.read(ids["endpoint_id"]).data["state"] == "enabled"
    shop.client.close()


def _asked(house: House, each: Operation, ids: dict[str, str]) -> Any:
    target = "/v1" + each.path
    for name, value in ids.items():
        target = target.replace(f"<{name}>", value)
    body: dict[str, Any] | None = None
    if each.body is not None:
        body = dict(_BODIES.get(each.name, {}))
        if "occurred_at" in each.body.fields:
            body["occurred_at"] = datetime.now(UTC).isoformat()
    return ask(house, house.blue, method=each.method, target=target, body=body)
