"""What somebody would try who wants points, somebody else's figures, or the gateway on its knees.

Over real sockets. Each row says what is done to a good request; whatever it is, the answer is the
documented refusal and nothing was posted.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from merchant_gateway.operations import Operation, load_operations
from merchant_gateway.signing import (
    Ed25519SigningKey,
    HmacKey,
    RequestMessage,
    content_digest,
    sign_request,
)
from merchant_gateway.signing.base import build_base, format_bytes, format_parameters
from merchant_gateway.signing.profile import TAG
from tests.integration.gateway.batching import earn_line
from tests.integration.gateway.house import House
from tests.integration.gateway.till import ask, purchase

PATH = "/v1/earnings"
PATIENCE_SECONDS = 20.0

Headers = list[tuple[str, str]]
Change = Callable[[House, Headers, bytes], tuple[Headers, bytes]]


@dataclass(frozen=True, slots=True)
class Heard:
    """The status of an answer (0: the line was closed instead) and its code."""

    status: int
    code: str


def _spoken(house: House, wire: bytes) -> bytes:
    """Send bytes as they are and return all that comes back until the line is closed or quiet."""
    url = urlsplit(house.url)
    with socket.create_connection((url.hostname or "", url.port or 0), PATIENCE_SECONDS) as line:
        line.sendall(wire)
        heard = b""
        while not _whole(heard):
            try:
                more = line.recv(65_536)
            except ConnectionResetError:
                break
            if not more:
                break
            heard += more
    return heard


def _whole(heard: bytes) -> bool:
    head, found, body = heard.partition(b"\r\n\r\n")
    length = next(
        (
            line.split(b":")[1]
            for line in head.split(b"\r\n")
            if line.startswith(b"Content-Length:")
        ),
        None,
    )
    return bool(found) and length is not None and len(body) >= int(length)


def _heard(answer: bytes) -> Heard:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        return Heard(0, "")
    status = int(head.split(b" ")[1])
    try:
        return Heard(status, str(json.loads(body)["code"]))
    except (ValueError, KeyError):
        return Heard(status, "")


def _wire(headers: Headers, body: bytes, *, method: str = "POST", path: str = PATH) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def _signed(house: House, body: bytes, *, path: str = PATH, **how: Any) -> Headers:
    """Return the headers of a good request of the green shop, or of one signed otherwise."""
    key = secrets.token_urlsafe(18)
    authority = urlsplit(house.url).netloc
    signed = sign_request(
        request=RequestMessage(
            method="POST",
            authority=authority,
            path=path,
            content_type="application/json",
            idempotency_key=key,
            body=body,
        ),
        **{
            "key": house.green.key,
            "key_id": house.green.key_id,
            "now": datetime.now(UTC),
            **how,
        },
    ).as_headers()
    return [
        ("Host", authority),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Idempotency-Key", key),
        *signed.items(),
    ]


def _body(house: House) -> bytes:
    return json.dumps(purchase(house.member().phone)).encode()


def _without(*names: str) -> Change:
    return lambda _house, headers, body: ([h for h in headers if h[0] not in names], body)


def _twice(name: str, value: str | None = None) -> Change:
    def change(_house: House, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        own = next(held for known, held in headers if known == name)
        return [*headers, (name, own if value is None else value)], body

    return change


def _replaced(name: str, value: str) -> Change:
    return lambda _house, headers, body: (
        [(known, value if known == name else held) for known, held in headers],
        body,
    )


def _resigned(**how: Callable[[House], Any]) -> Change:
    def change(house: House, _headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        return _signed(house, body, **{name: made(house) for name, made in how.items()}), body

    return change


def _other_body(house: House, headers: Headers, _body: bytes) -> tuple[Headers, bytes]:
    other = json.dumps(purchase(house.member().phone, amount=9)).encode()
    length = ("Content-Length", str(len(other)))
    return [length if each[0] == "Content-Length" else each for each in headers], other


def _other_body_and_digest(house: House, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    headers, other = _other_body(house, headers, body)
    return _replaced("Content-Digest", content_digest(other))(house, headers, other)


def _confused(house: House, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Sign with HMAC under the public key, which everybody knows, and say so or not."""
    secret = HmacKey(house.green.key.verifying_key().to_raw())
    return _signed(house, body, key=secret), body


def _covering(*left_out: str, alg: str = "ed25519", sign: bool = True) -> Change:
    """Sign without some components, or under another name of the algorithm."""

    def change(house: House, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        given = {name.lower(): value for name, value in headers}
        values = {
            '"@method"': "POST",
            '"@authority"': given["host"],
            '"@path"': PATH,
            '"@query"': "?",
            '"content-type"': given["content-type"],
            '"content-digest"': given["content-digest"],
            '"idempotency-key"': given["idempotency-key"],
        }
        kept = {name: value for name, value in values.items() if name.strip('"') not in left_out}
        parameters = format_parameters(
            components=kept,
            parameters={
                "created": int(datetime.now(UTC).timestamp()),
                "keyid": house.green.key_id,
                "nonce": secrets.token_urlsafe(16),
                "alg": alg,
                "tag": TAG,
            },
        )
        base = build_base(components=kept.items(), parameters=parameters)
        signature = house.green.key.sign(base) if sign else b"\0" * 64
        headers, body = _replaced("Signature-Input", f"x={parameters}")(house, headers, body)
        return _replaced("Signature", f"x={format_bytes(signature)}")(house, headers, body)

    return change


_OLD = timedelta(seconds=301)
_AHEAD = timedelta(seconds=31)

SIGNATURES: dict[str, tuple[Change, int, str]] = {
    "stripped": (_without("Signature", "Signature-Input"), 401, "signature_missing"),
    "half stripped": (_without("Signature"), 401, "signature_missing"),
    "all zero": (_covering(sign=False), 401, "signature_invalid"),
    "by a stranger's key": (
        _resigned(key=lambda _: Ed25519SigningKey.generate()),
        401,
        "signature_invalid",
    ),
    "in another's name": (
        _resigned(key_id=lambda house: house.blue.key_id),
        401,
        "signature_invalid",
    ),
    "by an unknown key": (
        _resigned(key_id=lambda _: "mk_live_aaaaaaaaaaaaaaaa"),
        401,
        "key_unknown",
    ),
    "HMAC under the public key": (_confused, 401, "signature_algorithm"),
    "said to be HMAC": (_covering(alg="hmac-sha256"), 401, "signature_algorithm"),
    "said to be nothing": (_covering(alg="none"), 401, "signature_algorithm"),
    "too old": (_resigned(now=lambda _: datetime.now(UTC) - _OLD), 401, "signature_expired"),
    "ahead": (_resigned(now=lambda _: datetime.now(UTC) + _AHEAD), 401, "signature_not_yet_valid"),
    "for another body": (_other_body, 400, "digest_mismatch"),
    "for another body, digest mended": (_other_body_and_digest, 401, "signature_invalid"),
    "for another key": (_replaced("Idempotency-Key", "x" * 20), 401, "signature_invalid"),
    "for another host": (_replaced("Host", "elsewhere.example"), 401, "signature_invalid"),
    "without a digest": (_without("Content-Digest"), 400, "digest_missing"),
    **{
        f"that leaves {name} out": (_covering(name), 401, "signature_components")
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
    "Signature": (_twice("Signature"), {401}),
    "Signature-Input": (_twice("Signature-Input"), {401}),
    "Content-Digest": (_twice("Content-Digest"), {400, 401}),
    "Idempotency-Key": (_twice("Idempotency-Key", "y" * 20), {400, 401}),
    "Content-Type": (_twice("Content-Type", "text/plain"), {400, 401, 415}),
    "Host": (_twice("Host", "elsewhere.example"), {400, 401}),
    "Content-Length": (_twice("Content-Length", "5"), {0, 400}),
}


def _posted(house: House) -> int:
    with house.services.database.reading() as session:
        return int(session.scalar(text("SELECT count(*) FROM ledger.entry")) or 0)


@pytest.mark.parametrize("row", SIGNATURES, ids=str)
def test_a_signature(house: House, row: str) -> None:
    change, status, code = SIGNATURES[row]
    body = _body(house)
    before = _posted(house)
    headers, sent = change(house, _signed(house, body), body)
    assert _heard(_spoken(house, _wire(headers, sent))) == Heard(status, code)
    assert _posted(house) == before


@pytest.mark.parametrize("name", TWICE)
def test_a_header_that_is_sent_twice(house: House, name: str) -> None:
    change, statuses = TWICE[name]
    body = _body(house)
    before = _posted(house)
    headers, sent = change(house, _signed(house, body), body)
    assert _heard(_spoken(house, _wire(headers, sent))).status in statuses
    assert _posted(house) == before


def test_a_good_request_is_taken_once_and_its_replay_refused(house: House) -> None:
    body = _body(house)
    before = _posted(house)
    wire = _wire(_signed(house, body), body)
    assert _heard(_spoken(house, wire)).status == 201
    assert _heard(_spoken(house, wire)) == Heard(401, "nonce_replayed")
    assert _posted(house) == before + 1


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
    body = _body(house)
    before = _posted(house)
    hidden = _wire(_signed(house, body), body)
    first = _wire(_signed(house, body), b"0\r\n\r\n").replace(b"Host:", extra + b"Host:", 1)
    heard = _spoken(house, first + hidden)
    assert heard == b"" or _heard(heard).status == 400
    assert heard.count(b"HTTP/1.1 ") <= 1
    assert _posted(house) == before


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
    before = _posted(house)
    body = make(_body(house))
    assert _heard(_spoken(house, _wire(_signed(house, body), body))) == Heard(status, code)
    assert _posted(house) == before


def test_a_size_is_refused_before_it_is_sent(house: House) -> None:
    body = _body(house)
    for length in ("10000000000", "65537"):
        headers, _ = _replaced("Content-Length", length)(house, _signed(house, body), body)
        assert _heard(_spoken(house, _wire(headers, b""))) == Heard(413, "body_too_large")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_without("Signature"), "signature_missing"),
        (_replaced("Signature", "peyvand=:AAAA:"), "signature_invalid"),
        (_replaced("Content-Digest", "sha-256=:AAAA:"), "signature_invalid"),
        (_resigned(key_id=lambda _house: "mk_live_nobody"), "key_unknown"),
        (_resigned(key_id=lambda house: house.blue.key_id), "signature_invalid"),
        (_resigned(now=lambda _house: datetime.now(UTC) - timedelta(hours=1)), "signature_expired"),
    ],
)
def test_a_large_body_is_refused_before_it_is_sent(house: House, change: Change, code: str) -> None:
    large, path = b"x" * 200_000, "/v1/earnings/batches"
    headers, _ = change(house, _signed(house, large, path=path), large)
    heard = _heard(_spoken(house, _wire(headers, b"", path=path)))
    assert heard == Heard(401, code)


def test_slow_bodies_hold_nobody_else_up(house: House) -> None:
    body = _body(house)
    url = urlsplit(house.url)
    lines = [
        socket.create_connection((url.hostname or "", url.port or 0), PATIENCE_SECONDS)
        for _ in range(3)
    ]
    try:
        wires = [_wire(_signed(house, body), body) for _ in lines]
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


def _own_ids(house: House) -> dict[str, str]:
    """Return an id of the green shop's own for every parameter that a path can have."""
    client, person = house.green.client, house.member(points=500)
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
        "key_id": house.green.key_id,
    }


_BODIES: dict[str, dict[str, Any]] = {
    "refund_earning": {"merchant_ref": "x", "amount": 1_000, "currency": "IRR"},
    "refund_redemption": {"merchant_ref": "x", "points": 1},
    "capture_redemption": {"points": 1},
    "change_webhook_endpoint": {"state": "disabled"},
}


def test_another_merchants_ids_lead_nowhere(house: House) -> None:
    """Every path with an id in it, so that a new one is tried without anybody's thinking of it."""
    ids = _own_ids(house)
    tried = set()
    for each in load_operations().values():
        names = [part[1:-1] for part in each.path.split("/") if part.startswith("<")]
        if not names or not set(names) <= ids.keys():
            continue
        answer = _asked(house, each, ids)
        assert (each.name, answer.status_code) == (each.name, 404), answer.text
        tried |= set(names)
    assert tried == ids.keys()
    shown = house.green.client.redemption(ids["redemption_id"]).data
    assert shown["state"] == "authorised"
    assert house.green.client.endpoints.read(ids["endpoint_id"]).data["state"] == "enabled"


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
