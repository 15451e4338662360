"""What is kept of a signed request: to the byte while its member is one, without the person after.

The bodies are read as the database has them, with the owner's rights, to see what a copy tells.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from network.clock import wall_now
from network.ids import EntryKey
from network.ledger import queries as ledger
from network.ledger.evidence import StoredEvidence, read_evidence
from network.members.models import MemberKey
from network.members.signed_bodies import ERASED, NamesPersonError, check_unnamed, entry_evidence
from network.merchants import queries as merchants
from network.merchants.evidence import Finding, check_evidence
from network.proofs.errors import ProofBrokenError
from network.reconciliation.evidence import signed_request
from network.reconciliation.evidence_file import check_file, evidence_file
from network.signing.queries import published_keys
from tests.integration.gateway.house import House, Person
from tests.integration.gateway.till import ask


def kept(house: House, key: EntryKey) -> StoredEvidence:
    """Return the evidence of an entry as it is stored."""
    with house.services.database.reading() as session:
        found = read_evidence(session, member_id=key.member_id, sequence=key.sequence)
    assert found is not None
    return found


def opened(house: House, key: EntryKey) -> StoredEvidence:
    """Return the evidence of an entry with its body opened."""
    with house.services.database.reading() as session:
        found = entry_evidence(
            session, house.services.vault, member_id=key.member_id, sequence=key.sequence
        )
    assert found is not None
    return found


def finding(house: House, evidence: StoredEvidence) -> Finding:
    """Return what the check of the green shop's evidence comes to."""
    with house.services.database.reading() as session:
        key = merchants.key(session, key_id=evidence.key_id)
    return check_evidence(
        house.services.vault, evidence=evidence, key=key, merchant_id=house.green.merchant_id
    )


def file_of(house: House, key: EntryKey) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the file that proves an entry, and the network's published keys."""
    with house.services.database.unit_of_work() as session:
        entry = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
        assert entry is not None
        document = evidence_file(
            session,
            house.services.vault,
            entry=entry,
            public_id=house.services.entry_ids.encode(
                prefix="ent", member_id=key.member_id, sequence=key.sequence
            ),
            actor="test",
            wall=wall_now(),
        )
        return document, published_keys(session)


def lose_key(house: House, person: Person) -> None:
    """Delete a member's key, as erasing the member does."""
    with house.services.database.unit_of_work() as session:
        session.execute(delete(MemberKey).where(MemberKey.member_id == person.member_id))


def buy(house: House, body: str) -> EntryKey:
    """Send a purchase with exactly this body; return its entry."""
    said = ask(house, house.green, body=body.encode())
    assert said.status_code == 201, said.text
    return house.services.entry_ids.decode(said.json()["id"], prefix="ern")


@pytest.mark.parametrize("how", ["phone", "card", "code", "token"])
def test_whom_a_request_names_opens_with_their_key_alone(house: House, how: str) -> None:
    person, till = house.member(), house.green.client
    given = {
        "phone": {"phone": person.phone},
        "card": {"card": person.card},
        "code": person.code(),
        "token": {"token": till.lookup(member={"card": person.card}).data["token"]},
    }[how]
    ((_, secret),) = given.items()
    said = till.earn(member=given, merchant_ref="bread", amount=50_000)
    key = house.services.entry_ids.decode(said.data["id"], prefix="ern")
    stored, found = kept(house, key), opened(house, key)
    assert secret.encode() not in stored.body
    assert b'"amount":50000' in stored.body.replace(b" ", b"")
    assert json.loads(found.body)["member"] == given
    assert (found.erased, finding(house, found)) == (False, Finding.SIGNED)
    whole, keys = file_of(house, key)
    assert check_file(whole, keys=keys)[1] is Finding.SIGNED

    lose_key(house, person)
    left = opened(house, key)
    assert json.loads(left.body) == json.loads(found.body) | {"member": json.loads(ERASED)}
    assert (left.erased, finding(house, left)) == (True, Finding.ERASED)
    assert finding(house, replace(left, signature=bytes(64))) is Finding.WRONG_SIGNATURE
    file, keys = file_of(house, key)
    assert file["request"]["erased"] is True
    assert check_file(file, keys=keys)[1] is Finding.ERASED
    assert secret not in json.dumps(file)
    # Nobody but the network can pass a body off as one that lost its person.
    forged = whole | {"request": whole["request"] | {"erased": True, "body": "e30="}}
    with pytest.raises(ProofBrokenError):
        check_file(forged, keys=keys)


def test_a_body_that_hides_where_it_names_the_member_is_sealed_whole(house: House) -> None:
    person = house.member()
    body = json.dumps({"member": {"phone": person.phone}, "merchant_ref": "odd", "amount": 70_000})
    body = body.replace('"member"', r'"m\u0065mber"').replace("}", ', "currency": "IRR"}')
    body = body.replace(', "currency": "IRR"}', "}", 1)
    key = buy(house, body)
    assert b"70000" not in kept(house, key).body
    found = opened(house, key)
    assert (found.body, finding(house, found)) == (body.encode(), Finding.SIGNED)
    lose_key(house, person)
    assert opened(house, key).body == ERASED


def test_a_text_that_looks_like_a_member_hides_nobody(house: House) -> None:
    person = house.member()
    line = {"sku": 'x"member": {"phone": "1"}', "amount": 70_000}
    body = json.dumps(
        {
            "lines": [line],
            "member": {"phone": person.phone},
            "merchant_ref": "trick",
            "amount": 70_000,
            "currency": "IRR",
        }
    )
    key = buy(house, body)
    assert person.phone.encode() not in kept(house, key).body
    assert opened(house, key).body == body.encode()


def test_what_names_nobody_stands_as_it_came(house: House) -> None:
    person, till = house.member(), house.green.client
    bought = till.earn(member={"phone": person.phone}, merchant_ref="milk", amount=90_000)
    back = till.refund_earning(bought.data["id"], merchant_ref="milk-back", amount=10_000)
    key = house.services.entry_ids.decode(back.data["id"], prefix="rfd")
    assert kept(house, key).body == opened(house, key).body
    assert finding(house, kept(house, key)) is Finding.SIGNED
    with pytest.raises(NamesPersonError):
        check_unnamed(b'{"amount":1,"member" : {"phone":"+989121234567"}}')


def test_the_page_says_that_a_person_is_gone(house: House) -> None:
    person = house.member()
    said = house.green.client.earn(
        member={"phone": person.phone}, merchant_ref="tea", amount=50_000
    )
    key = house.services.entry_ids.decode(said.data["id"], prefix="ern")
    lose_key(house, person)
    with house.services.database.unit_of_work() as session:
        entry = ledger.entry(session, member_id=key.member_id, sequence=key.sequence)
        assert entry is not None
        shown = signed_request(
            session,
            house.services.vault,
            entry=entry,
            public_id="ent_x",
            reveal=True,
            actor="test",
            wall=wall_now(),
        )
    assert shown is not None
    assert (shown.erased, shown.finding) == (True, Finding.ERASED)
    assert "tea" in (shown.body or "")
    assert person.phone not in (shown.body or "")
