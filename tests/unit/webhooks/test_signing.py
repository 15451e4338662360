"""Signatures: the published vectors, the published library as receiver, and our own verifier."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook
from standardwebhooks import WebhookVerificationError as TheirError

from merchant_gateway.client import webhooks
from merchant_gateway.client.webhooks import WebhookKeyError, WebhookVerificationError
from network.events.webhooks.signing import (
    KeyPair,
    signature_headers,
    written_public,
    written_secret,
)

# The vectors of the specification's repository: "sign function works" in
# libraries/javascript/src/webhook.test.ts and TestAsymmetricWebhookSign in
# libraries/go/webhook_asymmetric_test.go of github.com/standard-webhooks/standard-webhooks.
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
MOMENT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SYMMETRIC = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
PRIVATE = "VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
ASYMMETRIC = (
    "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
)


def pair() -> KeyPair:
    return KeyPair.from_bytes(
        secret=base64.b64decode(SECRET.removeprefix("whsec_")), private=base64.b64decode(PRIVATE)
    )


def headers(*pairs: KeyPair, moment: datetime = MOMENT, body: bytes = BODY) -> dict[str, str]:
    return signature_headers(webhook_id=ID, moment=moment, body=body, keys=pairs)


def public(pair: KeyPair) -> str:
    return written_public(pair.public)


def test_both_signatures_are_those_of_the_published_vectors() -> None:
    made = headers(pair())
    assert made == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"{SYMMETRIC} {ASYMMETRIC}",
    }


def test_the_published_vectors_verify_with_our_client() -> None:
    given = headers(pair())
    given["webhook-signature"] = f"v1,Zm9v v2,{SYMMETRIC[3:]} {ASYMMETRIC} {SYMMETRIC}"
    for key in (SECRET, SECRET.removeprefix("whsec_"), public(pair())):
        assert webhooks.verify(given, BODY, key, now=MOMENT) == {"test": 2432232314}


def test_keys_are_written_as_the_specification_has_them() -> None:
    made = KeyPair.generate()
    assert written_secret(base64.b64decode(SECRET.removeprefix("whsec_"))) == SECRET
    assert public(made).startswith("whpk_")
    assert len(base64.b64decode(public(made).removeprefix("whpk_"))) == 32
    assert repr(made).count("b'") == 0


def test_the_published_library_takes_what_we_send() -> None:
    made, old = KeyPair.generate(), KeyPair.generate()
    body = json.dumps({"type": "earning.created", "نام": "پیوند"}, ensure_ascii=False).encode()
    given = headers(made, old, moment=datetime.now(UTC), body=body)
    for each in (made, old):
        assert Webhook(written_secret(each.secret)).verify(body, given) == json.loads(body)
        assert webhooks.verify(given, body, written_secret(each.secret)) == json.loads(body)
        assert webhooks.verify(given, body, public(each)) == json.loads(body)
    with pytest.raises(TheirError):
        Webhook(written_secret(KeyPair.generate().secret)).verify(body, given)
    with pytest.raises(TheirError):
        Webhook(written_secret(made.secret)).verify(body + b" ", given)


def test_our_client_takes_what_the_published_library_signs() -> None:
    signature = Webhook(SECRET).sign(ID, MOMENT, BODY.decode())
    given = headers(pair()) | {"webhook-signature": signature}
    assert webhooks.verify(given, BODY, SECRET, now=MOMENT)


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"webhook-id": ID + "x"}, BODY),
        ({"webhook-timestamp": "1614265331"}, BODY),
        ({"webhook-timestamp": "-1"}, BODY),
        ({"webhook-timestamp": "1614265330.0"}, BODY),
        ({"webhook-timestamp": "٣"}, BODY),
        ({"webhook-timestamp": "9" * 5000}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-signature": "v1, v1a,"}, BODY),
        ({"webhook-signature": "v1,g0hM9SsE v1a,tQ9V"}, BODY),
        ({"webhook-signature": "v1a," + SYMMETRIC[3:] + " v1," + ASYMMETRIC[4:]}, BODY),
        ({"webhook-signature": "v1,é v1a,é"}, BODY),
        ({}, BODY + b"\n"),
        ({}, b""),
    ],
)
def test_what_was_changed_is_refused(change: dict[str, str], body: bytes) -> None:
    for key in (SECRET, public(pair())):
        with pytest.raises(WebhookVerificationError):
            webhooks.verify(headers(pair()) | change, body, key, now=MOMENT)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(missing: str) -> None:
    given = headers(pair())
    del given[missing]
    with pytest.raises(WebhookVerificationError, match=missing):
        webhooks.verify(given, BODY, SECRET, now=MOMENT)


def test_names_of_headers_are_read_in_any_case() -> None:
    given = {name.title(): value for name, value in headers(pair()).items()}
    assert webhooks.verify(given, BODY, SECRET, now=MOMENT)


@pytest.mark.parametrize(
    "off", [timedelta(minutes=5, seconds=1), timedelta(minutes=-5, seconds=-1)]
)
def test_what_is_too_old_or_ahead_is_refused(off: timedelta) -> None:
    with pytest.raises(WebhookVerificationError, match="clock"):
        webhooks.verify(headers(pair()), BODY, SECRET, now=MOMENT + off)
    wide = timedelta(minutes=6)
    assert webhooks.verify(headers(pair()), BODY, SECRET, now=MOMENT + off, tolerance=wide)


@pytest.mark.parametrize("body", [b"[1]", b"null", b"\xff", b"{"])
def test_a_signed_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookVerificationError):
        webhooks.verify(headers(pair(), body=body), body, SECRET, now=MOMENT)


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_c2hvcnQ=", "whpk_c2hvcnQ=", "whsec_é", "?"])
def test_a_key_that_is_none_is_said_to_be_none(key: str) -> None:
    with pytest.raises(WebhookKeyError):
        webhooks.verify(headers(pair()), BODY, key, now=MOMENT)


def test_another_key_does_not_verify() -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for key in (written_secret(bytes(32)), written_public(other)):
        with pytest.raises(WebhookVerificationError):
            webhooks.verify(headers(pair()), BODY, key, now=MOMENT)
