"""``peyvand-merchant verify``: what was kept is judged by published keys alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from merchant_gateway.client import (
    GatewayClient,
)
from merchant_gateway.client.cli import main
from merchant_gateway.client.journal import Journal, read_journal
from merchant_gateway.signing import Ed25519SigningKey
from network.clock import wall_now
from network.merchants.keys import register_key, revoke_key
from network.signing import queries as signing
from network.signing.service import rotate_keys
from tests.integration.gateway.house import House
from tests.integration.services.helpers import wait_for


def _kept(house: House, journal: Path) -> str:
    """Let the green shop call with a key that is revoked afterwards; return that key's id."""
    key = Ed25519SigningKey.generate()
    merchant_id = house.green.merchant_id
    with house.services.database.unit_of_work() as session:
        key_id = register_key(
            session,
            house.services.vault,
            merchant_id=merchant_id,
            environment="live",
            public_key=key.verifying_key().to_raw(),
            now=wall_now(),
        ).key_id
    client = GatewayClient(url=house.url, key_id=key_id, key=key, journal=journal)
    person = house.member()
    earned = client.earn(member={"phone": person.phone}, merchant_ref="kept", amount=70_000).data
    client.refund_earning(earned["id"], merchant_ref="back", amount=20_000)
    client.close()
    with house.services.database.unit_of_work() as session:
        revoke_key(session, merchant_id=merchant_id, key_id=key_id, now=wall_now())
        rotate_keys(
            session,
            house.services.vault,
            now=wall_now(),
            announced=timedelta(0),
            purposes=["answers"],
        )
    return key_id


def test_a_running_gateway_signs_with_the_new_key(house: House, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with house.services.database.unit_of_work() as session:
        (made,) = rotate_keys(
            session,
            house.services.vault,
            now=wall_now(),
            announced=timedelta(0),
            purposes=["answers"],
        )
    person, shop = house.member(), house.green
    client = GatewayClient(url=house.url, key_id=shop.key_id, key=shop.key, journal=journal)
    numbers = count(1)

    def signed_anew() -> bool:
        ref = f"new-{next(numbers)}"
        client.earn(member={"phone": person.phone}, merchant_ref=ref, amount=10_000)
        *_earlier, last = read_journal(journal)
        return f'keyid="{made.key_id}"' in last.signature_input

    wait_for(signed_anew)
    client.close()
    code, found = _verified(str(journal), "--network", house.url)
    assert (code, [each for each in found if not each["holds"]]) == (0, [])
    with house.services.database.reading() as session:
        (old,) = (
            each
            for each in signing.published_keys(session)
            if each["kid"] in made.replaced and each["signs_until"] == made.signs_from.isoformat()
        )
    assert old["purpose"] == "answers"


def _verified(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(main, ["verify", "--json", *arguments])
    return result.exit_code, json.loads(result.output)


def test_a_third_party_verifies_what_was_kept(house: House, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    key_id = _kept(house, journal)
    # Both keys were replaced since; the old ones stay published.
    code, found = _verified(str(journal), "--network", house.url)
    assert (code, [each["holds"] for each in found]) == (0, [True, True])
    assert [each["call"].split("/")[-1] for each in found] == ["earnings", "refunds"]

    merchant_key = requests.get(
        f"{house.url}/.well-known/peyvand-merchant-keys/{key_id}.json", timeout=20
    )
    assert merchant_key.headers["Content-Type"] == "application/jwk+json"
    keys = requests.get(f"{house.url}/.well-known/peyvand-keys.json", timeout=20).json()
    own, network = tmp_path / "own.json", tmp_path / "network.json"
    own.write_text(merchant_key.text, encoding="ascii")
    network.write_text(json.dumps(keys), encoding="ascii")
    code, _ = _verified(str(journal), "--keys", str(own), "--keys", str(network))
    assert code == 0
    code, found = _verified(str(journal), "--keys", str(network))
    assert (code, found[0]["request"]) == (1, f"the key {key_id} is not published")


def test_what_a_test_key_signed_is_no_evidence_of_anything_live(
    house: House, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    _kept(house, journal)
    [record, *_] = read_journal(journal)
    # Kept at another moment than it claims: what counts is what the network signed.
    moved = [replace(each, at=each.at - timedelta(days=400)) for each in read_journal(journal)]
    other = tmp_path / "moved"
    for each in moved:
        Journal(other).keep(each)
    _, found = _verified(str(other), "--network", house.url)
    assert datetime.fromisoformat(found[0]["at"]) > record.at - timedelta(minutes=5)
    assert [each["environment"] for each in found] == ["live", "live"]
    code, found = _verified(str(journal), "--network", house.url, "--test")
    assert code == 1
    assert "signed with a live key" in found[0]["request"]


def test_a_merchant_s_key_is_none_of_the_network_s(house: House, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    key_id = _kept(house, journal)
    where = f"{house.url}/.well-known/peyvand-merchant-keys/{key_id}.json"
    own = requests.get(where, timeout=20).json()
    keys = requests.get(f"{house.url}/.well-known/peyvand-keys.json", timeout=20).json()
    # The network's keys, said to be merchants': what they signed is no answer of the network.
    for each in keys["keys"]:
        del each["purpose"]
    known = tmp_path / "known.json"
    known.write_text(json.dumps({"keys": [own, *keys["keys"]]}), encoding="ascii")
    code, found = _verified(str(journal), "--keys", str(known))
    assert code == 1
    assert all(each["request"] == "signed by the merchant" for each in found)
    assert not any(each["holds"] for each in found)


@pytest.mark.parametrize(
    ("side", "name", "before", "after"),
    [
        ("request", "body", '"amount":70000', '"amount":90000'),
        ("request", "path", "/v1/earnings", "/v1/redemptions"),
        ("request", "key_id", "mk_live_", "mk_test_"),
        ("request", "signature_base", "POST", "PUT"),
        ("answer", "body", '"points":7', '"points":9'),
        ("answer", "status", "201", "200"),
        ("answer", "content_digest", "sha-256=:", "sha-256=:AA"),
    ],
)
def test_what_was_changed_does_not_hold(
    house: House, tmp_path: Path, side: str, name: str, before: str, after: str
) -> None:
    journal = tmp_path / "journal"
    _kept(house, journal)
    line = json.loads(next(filter(None, journal.read_text(encoding="utf-8").split("\n"))))
    value = str(line[side][name])
    assert before in value
    changed = value.replace(before, after, 1)
    line[side][name] = int(changed) if name == "status" else changed
    journal.write_text(json.dumps(line), encoding="utf-8")
    code, found = _verified(str(journal), "--network", house.url)
    assert (code, found[0]["holds"]) == (1, False)
    assert found[0][side] not in {"signed by the merchant", "signed by the network"}


def test_keys_that_nobody_registered_are_not_published(house: House) -> None:
    for key_id in ("mk_live_aaaaaaaaaaaaaaaa", "%2e%2e", "x" * 300):
        answer = requests.get(
            f"{house.url}/.well-known/peyvand-merchant-keys/{key_id}.json", timeout=20
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
