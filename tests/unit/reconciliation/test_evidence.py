"""Masking of signed requests, and the check of what was signed."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256, sha512
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from network.ledger.evidence import StoredEvidence
from network.merchants.evidence import Finding, check_evidence
from network.merchants.keys import KEY_PURPOSE
from network.merchants.queries import KeyView
from network.reconciliation.evidence import MASK, mask
from network.vault import Vault

MERCHANT, OTHER = UUID(int=1), UUID(int=2)
BODY = b'{"member": {"phone": "+989121234567"}}'
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SECRET = bytes(range(32, 64))
KEY = KeyView(
    key_id="mk_live_a",
    merchant_id=MERCHANT,
    merchant_code="a",
    merchant_status="active",
    environment="live",
    algorithm="ed25519",
    public_key=PRIVATE.public_key().public_bytes_raw(),
    sealed_secret=None,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    revoked_at=datetime(2026, 2, 1, tzinfo=UTC),
    last_used_on=None,
    issuing="open",
)


def digest(name: str, body: bytes) -> str:
    made = {"sha-256": sha256, "sha-512": sha512}[name](body).digest()
    return f"{name}=:{b64encode(made).decode()}:"


def base(*digests: str) -> bytes:
    lines = "".join(f'"content-digest": {each}\n' for each in digests)
    return f'"@method": POST\n{lines}"@signature-params": ()'.encode()


def signed(base: bytes, *, body: bytes = BODY) -> StoredEvidence:
    return StoredEvidence(
        key_id="mk_live_a", signature_base=base, signature=PRIVATE.sign(base), body=body
    )


def found(vault: Vault, evidence: StoredEvidence, *, key: KeyView | None = KEY) -> Finding:
    return check_evidence(vault, evidence=evidence, key=key, merchant_id=MERCHANT)


@pytest.mark.parametrize(
    ("digests", "body", "finding"),
    [
        ([digest("sha-256", BODY)], BODY, Finding.SIGNED),
        ([digest("sha-512", BODY)], BODY, Finding.SIGNED),
        ([f"{digest('sha-256', BODY)}, {digest('sha-512', BODY)}"], BODY, Finding.SIGNED),
        ([f"{digest('sha-256', BODY)}, {digest('sha-512', b'')}"], BODY, Finding.OTHER_BODY),
        ([digest("sha-256", BODY)], BODY + b" ", Finding.OTHER_BODY),
        ([digest("sha-256", BODY)] * 2, BODY, Finding.OTHER_BODY),
        (["md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"], b"", Finding.OTHER_BODY),
        ([], BODY, Finding.OTHER_BODY),
        ([], b"", Finding.SIGNED),
    ],
)
def test_the_base_must_carry_the_bodys_digest(
    vault: Vault, digests: list[str], body: bytes, finding: Finding
) -> None:
    assert found(vault, signed(base(*digests), body=body)) is finding


def test_a_changed_base_or_signature_does_not_fit(vault: Vault) -> None:
    good = signed(base(digest("sha-256", BODY)))
    assert found(vault, good) is Finding.SIGNED
    assert found(vault, replace(good, signature=bytes(64))) is Finding.WRONG_SIGNATURE
    assert found(vault, replace(good, signature=b"short")) is Finding.WRONG_SIGNATURE
    changed = good.signature_base.replace(b"POST", b"PUT ")
    assert found(vault, replace(good, signature_base=changed)) is Finding.WRONG_SIGNATURE


def test_only_the_merchants_own_key_counts(vault: Vault) -> None:
    good = signed(base(digest("sha-256", BODY)))
    for key in (None, replace(KEY, merchant_id=OTHER), replace(KEY, key_id="mk_live_b")):
        assert found(vault, good, key=key) is Finding.UNKNOWN_KEY


def test_a_shared_secret_is_opened_and_used(vault: Vault) -> None:
    text = base(digest("sha-256", BODY))
    key = replace(
        KEY,
        algorithm="hmac-sha256",
        public_key=None,
        sealed_secret=vault.seal(SECRET, purpose=KEY_PURPOSE),
    )
    made = replace(signed(text), signature=hmac.digest(SECRET, text, "sha256"))
    assert found(vault, made, key=key) is Finding.SIGNED
    assert found(vault, signed(text), key=key) is Finding.WRONG_SIGNATURE


def test_persons_are_masked_wherever_they_stand() -> None:
    member = {"phone": "+989121234567", "card": "9123", "code": ["AB"], "token": {"a": 1}}
    body = {
        "member": member,
        "lines": [{"sku": "1", "phone": "0912"}],
        "amount": 9223372036854775807,
        "receipt": "کارت",
    }
    text, hidden = mask(json.dumps(body).encode())
    assert hidden
    assert text is not None
    assert json.loads(text) == {
        "member": dict.fromkeys(member, MASK),
        "lines": [{"sku": "1", "phone": MASK}],
        "amount": 9223372036854775807,
        "receipt": "کارت",
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ("", False)),
        (b'{"a": 1}', ('{\n  "a": 1\n}', False)),
        (b"phone=0912", (None, True)),
        (b"\xff\xfe", (None, True)),
        (b"[" * 100_000, (None, True)),
    ],
)
def test_what_can_not_be_read_is_not_shown(body: bytes, shown: tuple[str | None, bool]) -> None:
    assert mask(body) == shown
