"""What the client puts beside a member's name: always the same for the same call, and no guess."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from merchant_gateway.client.profile import ProfileError, find_profile
from merchant_gateway.client.salting import LENGTH, Salter
from merchant_gateway.client.transport import Transport
from merchant_gateway.schemas.load import load_body
from merchant_gateway.schemas.requests import EARNING
from merchant_gateway.signing import Ed25519SigningKey, HmacKey, SigningKey
from merchant_gateway.strict_json import load_object
from merchant_gateway.unsalted import unsalted

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


SALT = "Zk3_wq0vT8uYb1xC4nEo2g"


@pytest.mark.parametrize(
    "body", [BODY, BODY.replace(b'{"phone"', b'{ \t"phone"'), BODY.replace(b": ", b":")]
)
def test_what_the_client_put_in_comes_out_to_the_byte(body: bytes) -> None:
    salted = Salter(ED25519).salted(body)
    assert len(salted) == len(body) + LENGTH
    assert unsalted(salted) == body
    assert unsalted(salted + b"\nbroken\n" + salted) == body + b"\nbroken\n" + body


@pytest.mark.parametrize(
    ("member", "left"),
    [
        (f'{{"phone": "1", "salt": "{SALT}"}}', '{"phone": "1"}'),
        (f'{{"phone": "1" , "salt" : "{SALT}" }}', '{"phone": "1"  }'),
        (f'{{"salt":"{SALT}"}}', None),
        (f'{{"salt":"{SALT}","salt":"{SALT}"}}', f'{{"salt":"{SALT}"}}'),
        ('{"salt":"short","phone":"0912","card":"1"}', None),
        ('{"salt":"' + "s" * 65 + '","phone":"1"}', None),
        ('{"salt":"not one of letters","phone":"1"}', None),
        ('{"phone":"1","s\\u0061lt":"' + SALT + '"}', None),
    ],
)
def test_only_a_good_salt_is_taken_out(member: str, left: str | None) -> None:
    body = f'{{"salt":"{SALT}","member": {member},"amount":1}}'
    assert unsalted(body.encode()) == body.replace(member, left or member).encode()


def test_a_client_can_be_told_to_put_none_in(tmp_path: Path) -> None:
    plain = Transport(url="http://127.0.0.1:1", key_id="mk_test_x", key=ED25519, salt=False)
    assert plain.salted(BODY) == BODY
    plain.close()
    file = tmp_path / "merchant.toml"
    found = []
    for said in ("", "salt = true\n", "salt = false\n", "salt = 0\n"):
        file.write_text(f'[default]\nurl="u"\nkey_id="k"\nkey_file="f"\n{said}', encoding="utf-8")
        try:
            found.append(find_profile(given={}, name=None, file=file, file_named=True).salt)
        except ProfileError as error:
            assert "salt is true or false" in str(error)  # noqa: PT017 - one of four
    assert found == [True, True, False]
