"""A good request over a raw socket, and what somebody may do to it on its way.

A ``Change`` is given the request's headers and body and returns what is sent instead.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text

from merchant_gateway.signing import HmacKey, RequestMessage, content_digest, sign_request
from merchant_gateway.signing.base import build_base, format_bytes, format_parameters
from merchant_gateway.signing.profile import TAG
from tests.integration.gateway.house import House
from tests.integration.gateway.till import purchase

PATH = "/v1/earnings"
PATIENCE_SECONDS = 20.0

Headers = list[tuple[str, str]]
Change = Callable[[House, Headers, bytes], tuple[Headers, bytes]]


@dataclass(frozen=True, slots=True)
class Heard:
    """The status of an answer (0: the line was closed instead) and its code."""

    status: int
    code: str


def spoken_to(house: House, wire: bytes) -> bytes:
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


def heard_in(answer: bytes) -> Heard:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        return Heard(0, "")
    status = int(head.split(b" ")[1])
    try:
        return Heard(status, str(json.loads(body)["code"]))
    except (ValueError, KeyError):
        return Heard(status, "")


def answer_to(house: House, headers: Headers, body: bytes, *, path: str = PATH) -> Heard:
    """Send a request and return what was heard."""
    return heard_in(spoken_to(house, on_the_wire(headers, body, path=path)))


def on_the_wire(headers: Headers, body: bytes, *, method: str = "POST", path: str = PATH) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def signed(house: House, body: bytes, *, path: str = PATH, **how: Any) -> Headers:
    """Return the headers of a good request of the green shop, or of one signed otherwise."""
    key = secrets.token_urlsafe(18)
    authority = urlsplit(house.url).netloc
    signature = sign_request(
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
        *signature.items(),
    ]


def good_body(house: House) -> bytes:
    return json.dumps(purchase(house.member().phone)).encode()


def without(*names: str) -> Change:
    return lambda _house, headers, body: ([h for h in headers if h[0] not in names], body)


def twice(name: str, value: str | None = None) -> Change:
    def change(_house: House, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        own = next(held for known, held in headers if known == name)
        return [*headers, (name, own if value is None else value)], body

    return change


def replaced(name: str, value: str) -> Change:
    return lambda _house, headers, body: (
        [(known, value if known == name else held) for known, held in headers],
        body,
    )


def resigned(**how: Callable[[House], Any]) -> Change:
    def change(house: House, _headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        return signed(house, body, **{name: made(house) for name, made in how.items()}), body

    return change


def other_body(house: House, headers: Headers, good_body: bytes) -> tuple[Headers, bytes]:
    other = json.dumps(purchase(house.member().phone, amount=9)).encode()
    length = ("Content-Length", str(len(other)))
    return [length if each[0] == "Content-Length" else each for each in headers], other


def other_body_and_digest(house: House, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    headers, other = other_body(house, headers, body)
    return replaced("Content-Digest", content_digest(other))(house, headers, other)


def with_the_public_key(house: House, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Sign with HMAC under the public key, which everybody knows, and say so or not."""
    secret = HmacKey(house.green.key.verifying_key().to_raw())
    return signed(house, body, key=secret), body


def covering(*left_out: str, alg: str = "ed25519", sign: bool = True) -> Change:
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
        headers, body = replaced("Signature-Input", f"x={parameters}")(house, headers, body)
        return replaced("Signature", f"x={format_bytes(signature)}")(house, headers, body)

    return change


def posted(house: House) -> int:
    with house.services.database.reading() as session:
        return int(session.scalar(text("SELECT count(*) FROM ledger.entry")) or 0)
