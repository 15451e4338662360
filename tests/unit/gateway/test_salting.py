"""What the client puts beside a member's name: always the same for the same call, and no guess."""

from __future__ import annotations

import json

import pytest

from merchant_gateway.client.salting import Salter
from merchant_gateway.schemas.load import load_body
from merchant_gateway.schemas.requests import EARNING
from merchant_gateway.signing import Ed25519SigningKey, HmacKey, SigningKey
from merchant_gateway.strict_json import load_object

BODY = (
    b'{"member": {"phone": "09121234567"}, "merchant_ref": "R-1", "amount": 30,'
    b' "currency": "IRR", "occurred_at": "2026-11-22T10:15:00+03:30"}'
)
ED25519 = Ed25519SigningKey.generate()


@pytest.mark.parametrize("key", [ED25519, HmacKey(bytes(range(32)))], ids=["ed25519", "hmac"])
def test_the_same_call_has_the_same_salt(key: SigningKey) -> None:
    once = Salter(key).salted(BODY)
    assert Salter(key).salted(BODY) == once
    assert Salter(Ed25519SigningKey.generate()).salted(BODY) != once
    assert Salter(key).salted(once) == once  # it has one already
    other = json.loads(Salter(key).salted(BODY.replace(b"R-1", b"R-2")))["member"]["salt"]
    member = json.loads(once)["member"]
    assert member["salt"] != other
    assert load_body(EARNING, load_object(once)) == load_body(EARNING, load_object(BODY))


@pytest.mark.parametrize(
    "body",
    [
        b'{"points":5}',
        b'{"member":{}}',
        b'{"member":{"phone":"1","salt":"mine-and-long-enough"}}',
        b'{"sku":"x\\"member\\": {\\"phone\\": \\"1\\"}"}',
        b"broken",
        b"",
    ],
)
def test_what_names_nobody_is_sent_as_it_is(body: bytes) -> None:
    assert Salter(ED25519).salted(body) == body
