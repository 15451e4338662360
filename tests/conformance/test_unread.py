"""What the server cannot read as a request is refused like any other: a signed problem."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from http.client import parse_headers
from io import BytesIO
from urllib.parse import urlsplit

import jsonschema
import pytest
import redis
import requests

from config.sandboxes.nights import Hands
from config.serving.refusals import on_the_wire as on_the_wire_of
from merchant_gateway.app import create_app
from merchant_gateway.client.transport import KEYS_PATH
from merchant_gateway.openapi import document
from merchant_gateway.signing import (
    AnswerMessage,
    Ed25519VerifyingKey,
    parse_answer_signature,
    verify_answer,
)
from merchant_gateway.unread import refusing
from tests.conformance.tampering import (
    PATIENCE_SECONDS,
    good_body,
    heard_in,
    on_the_wire,
    posted,
    signed,
    spoken_to,
)
from tests.integration.gateway.house import House
from tests.integration.services.fronting import everything

_HOST = b"Host: gateway\r\n"
_END = b"Content-Length: 0\r\n\r\n"

WIRES = {
    "an address above 8,190 bytes": (
        b"GET /v1/" + b"x" * 8_190 + b" HTTP/1.1\r\n" + _HOST + b"\r\n",
        414,
        "address_too_long",
    ),
    "a header above 8,190 bytes": (
        b"GET /v1/ping HTTP/1.1\r\n" + _HOST + b"X: " + b"x" * 8_190 + b"\r\n\r\n",
        431,
        "headers_too_large",
    ),
    "61 headers": (
        b"GET /v1/ping HTTP/1.1\r\n" + b"X: x\r\n" * 61 + b"\r\n",
        431,
        "headers_too_large",
    ),
    "no request": (b"hello\r\n\r\n", 400, "bad_request"),
    "a method that is none": (b"g\x7ft /v1/ping HTTP/1.1\r\n\r\n", 400, "bad_request"),
    "another protocol": (b"GET /v1/ping HTTP/9.9\r\n\r\n", 400, "bad_request"),
    "a folded header": (b"GET / HTTP/1.1\r\nX: a\r\n b: c\r\n\r\n", 400, "bad_request"),
    "two lengths": (
        b"POST /v1/earnings HTTP/1.1\r\nContent-Length: 0\r\n" + _END,
        400,
        "bad_request",
    ),
    "a coding that is not known": (
        b"POST /v1/earnings HTTP/1.1\r\nTransfer-Encoding: brotli\r\n\r\n",
        501,
        "transfer_coding_unsupported",
    ),
    "more than may be expected": (
        b"POST /v1/earnings HTTP/1.1\r\nExpect: miracles\r\n" + _END,
        417,
        "expectation_failed",
    ),
}


@pytest.mark.parametrize("row", WIRES)
def test_what_is_no_request(house: House, row: str) -> None:
    wire, status, code = WIRES[row]
    _check(house, spoken_to(house, wire), status=status, code=code)


def test_it_is_told_in_the_readers_language(house: House) -> None:
    wire = WIRES["a header above 8,190 bytes"][0].replace(_HOST, b"Accept-language:  fa-IR\r\n")
    answer = spoken_to(house, wire)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["title"] == "هدرها بیش از اندازه بزرگ‌اند"


def test_chunks_that_cannot_be_read(house: House) -> None:
    """The application reads the body, and its caller is to blame all the same."""
    before = posted(house)
    body = good_body(house)
    headers = [each for each in signed(house, body) if each[0] != "Content-Length"]
    for chunks in (b"zz\r\n", b"5\r\nabcdeX\r\n0\r\n\r\n", b"-1\r\n\r\n"):
        chunked = [*headers, ("Transfer-Encoding", "chunked")]
        answer = spoken_to(house, on_the_wire(chunked, chunks))
        _check(house, answer, status=400, code="bad_request", bound=True)
    unsigned = [each for each in chunked if not each[0].startswith("Signature")]
    heard = to_the_end(house, on_the_wire(unsigned, b"zz\r\n"))  # refused before it is read
    assert (heard.count(b"HTTP/1.1 "), heard_in(heard).code) == (1, "signature_missing")
    assert posted(house) == before


def to_the_end(house: House, wire: bytes) -> bytes:
    """Return all that is said until the line is closed."""
    url = urlsplit(house.url)
    with socket.create_connection((url.hostname or "", url.port or 0), PATIENCE_SECONDS) as line:
        line.sendall(wire)
        return everything(line)


def test_who_was_too_slow_is_told_at_once_and_unsigned(house: House, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    app = create_app(house.services, client, hands=Hands(client))
    found = refusing(app)("request_late", language="fa", pause=5)
    wire = on_the_wire_of(found)
    said = json.loads(wire.partition(b"\r\n\r\n")[2])
    assert (said["status"], said["code"], said["title"]) == (
        503,
        "request_late",
        "درخواست به‌موقع نرسید",
    )
    assert b"\r\nRetry-After: 5\r\n" in wire
    assert b"\r\nX-Request-Id: " + said["request_id"].encode() in wire
    assert b"Signature" not in wire


def _check(house: House, answer: bytes, *, status: int, code: str, bound: bool = False) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, _, lines = head.partition(b"\r\n")
    headers = parse_headers(BytesIO(lines + b"\r\n\r\n"))
    found = json.loads(body)
    assert (int(first.split(b" ")[1]), found["status"], found["code"]) == (status, status, code)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Request-Id"] == found["request_id"]
    if not bound:
        assert headers["Connection"] == "close"
    components = document(server=house.url)["components"]["schemas"]
    jsonschema.validate(found, components[f"Problem{status}"])
    parsed = parse_answer_signature(
        signature_input=headers["Signature-Input"], signature=headers["Signature"]
    )
    assert any(";req" in each for each in parsed.components) is bound
    if not bound:
        published = requests.get(house.url + KEYS_PATH, timeout=PATIENCE_SECONDS).json()["keys"]
        jwk = next(each for each in published if each["kid"] == parsed.key_id)
        verify_answer(
            answer=AnswerMessage(
                status=status, content_digest=headers["Content-Digest"], body=body
            ),
            parsed=parsed,
            request=None,
            key=Ed25519VerifyingKey.from_jwk(jwk),
            now=datetime.now(UTC),
        )
