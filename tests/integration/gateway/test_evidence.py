"""What is kept of a signed request: to the byte while its member is one, without the person after.

The bodies are read as the database has them, with the owner's rights, to see what a copy tells.
"""

from __future__ import annotations

import json
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from merchant_gateway.batches.keeping import keep_bodies
from merchant_gateway.client import GatewayClient
from merchant_gateway.looking_into import LARGEST
from network.batches import bodies
from network.batches.models import Batch
from network.clock import wall_now
from network.database.connection import Database
from network.ids import EntryKey
from network.ledger import queries as ledger
from network.ledger.evidence import StoredEvidence, read_evidence
from network.members import leaving
from network.members.signed_bodies import (
    ERASED,
    KEPT,
    WHOLE,
    NamesPersonError,
    check_unnamed,
    entry_evidence,
)
from network.merchants import queries as merchants
from network.merchants.evidence import Finding, check_evidence
from network.proofs.errors import ProofBrokenError
from network.reconciliation.evidence import signed_request
from network.reconciliation.evidence_file import check_file, evidence_file
from network.signing.queries import published_keys
from tests.integration.gateway.batching import done, earn_line, written
from tests.integration.gateway.house import House, Person
from tests.integration.gateway.till import ask

SALT = "Zk3_wq0vT8uYb1xC4nEo2g"
CALL_OF_ENDLESS_STATUS = (
    b'{"at":"2026-03-22T09:00:00+00:00","request":{"method":"GET","path":"/v1/ping","query":"",'
    b'"key_id":"k","idempotency_key":null,"body":"","label":"sig","signature":""},'
    b'"answer":{"status":1e400,"body":"","content_digest":"","signature_input":"","signature":""}}'
)


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
    """Erase a member."""
    with house.services.database.unit_of_work() as session:
        leaving.erase(session, member_id=person.member_id, now=wall_now(), wall=wall_now())


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
    assert b'"amount":50000' in stored.body.replace(b" ", b"")
    member = json.loads(found.body)["member"]
    salt = member.pop("salt")
    assert member == given
    assert secret.encode() not in stored.body
    assert salt.encode() not in stored.body
    guessed = found.body.replace(f'"salt":"{salt}",'.encode(), b"")
    assert guessed != found.body  # the right name alone does not fit the digest
    assert finding(house, replace(found, body=guessed)) is Finding.OTHER_BODY
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
    assert salt not in json.dumps(file)
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


def keep_again(house: House) -> None:
    """Try to put another body in the place of a batch's that is sealed for its members."""
    with house.services.database.unit_of_work() as session:
        batch_id = session.scalars(select(Batch.batch_id).where(Batch.persons_sealed)).first()
        assert batch_id is not None
        bodies.keep(session, batch_id=batch_id, body=b"\x01")


def seal_all(house: House) -> set[UUID]:
    """Seal the batches that are done; return those that did not let themselves be."""
    failed: set[UUID] = set()
    while keep_bodies(house.services, failed=failed):
        pass
    return failed


def test_a_batch_is_sealed_for_each_of_its_members(house: House) -> None:
    leaver, stayer, gone = house.member(), house.member(), house.member()
    lines: list[Any] = [
        earn_line(leaver.phone, 50_000, member={"phone": leaver.phone, "salt": SALT}),
        b"broken",
        earn_line("+989350000001", 50_000),
        earn_line(stayer.card, 60_000, member={"card": stayer.card}),
        earn_line(gone.phone, 70_000),
    ]
    found = done(house, house.green, lines)
    keys = [
        house.services.entry_ids.decode(found[place]["id"], prefix="ern") for place in (0, 3, 4)
    ]
    body = opened(house, keys[0]).body
    assert body == written(lines)
    assert kept(house, keys[0]).body[0] == WHOLE
    lose_key(house, gone)  # before the night
    assert seal_all(house) == set()
    stored = kept(house, keys[0]).body
    assert stored[0] == KEPT
    for secret in (leaver.phone, SALT, stayer.card, gone.phone, "+989350000001"):
        assert secret.encode() not in stored
    read = opened(house, keys[1])
    assert (read.erased, read.line, finding(house, read)) == (True, 4, Finding.ERASED)
    assert read.body == body.replace(json.dumps({"phone": gone.phone}).encode(), ERASED)
    lose_key(house, leaver)
    left = opened(house, keys[1]).body.split(b"\n")
    assert json.loads(left[0])["member"] == json.loads(left[4])["member"] == {"erased": True}
    assert json.loads(left[3])["member"] == {"card": stayer.card}
    with pytest.raises(DBAPIError, match="append-only"):
        keep_again(house)


def test_a_whole_batch_that_still_has_its_people_proves_as_before(house: House) -> None:
    person = house.member()
    found = done(house, house.green, [earn_line(person.phone, 50_000)])
    key = house.services.entry_ids.decode(found[0]["id"], prefix="ern")
    assert seal_all(house) == set()
    read = opened(house, key)
    assert (read.erased, finding(house, read)) == (False, Finding.SIGNED)


HOSTILE = (b"[" * 2_000 + b"]" * 2_000, b'"\\ud800"', b'"\\u0000"', b"9" * 5_000, b"true")
BODY = text("UPDATE network.batch_request SET body = :body WHERE batch_id = :batch_id")
TRIGGERS = "ALTER TABLE network.batch_request {} TRIGGER USER"


def test_no_line_keeps_its_batch_from_being_sealed(house: House) -> None:
    lines: list[Any] = [
        b'{"type":"earn","member":{"%b":%b}}' % (name, each)
        for name in (b"phone", b"card", b"code", b"token")
        for each in HOSTILE
    ]
    found = done(house, house.green, [*lines, earn_line(house.member().phone, 50_000)])
    assert [each["status"] for each in found] == ["refused"] * len(lines) + ["posted"]
    assert seal_all(house) == set()
    stored = kept(house, house.services.entry_ids.decode(found[-1]["id"], prefix="ern")).body
    assert (stored[0], any(each in stored for each in HOSTILE)) == (KEPT, False)


def test_a_batch_that_cannot_be_sealed_is_passed_over(
    house: House, gateway_owner_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def put(body: bytes) -> None:
        owner = Database(gateway_owner_url)
        with owner.unit_of_work() as session:
            session.execute(text(TRIGGERS.format("DISABLE")))
            session.execute(BODY, {"batch_id": batch_id, "body": body})
            session.execute(text(TRIGGERS.format("ENABLE")))
        owner.dispose()

    lines = [earn_line(house.member().phone, 50_000) for _ in range(2)]
    found = [done(house, house.green, [line])[0] for line in lines]
    keys = [house.services.entry_ids.decode(each["id"], prefix="ern") for each in found]
    with house.services.database.unit_of_work() as session:
        batch_id = bodies.next_unsealed(session)
    whole = kept(house, keys[0]).body
    put(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert seal_all(house) == {batch_id}
    assert kept(house, keys[1]).body[0] == KEPT
    assert caplog.messages == [f"a batch is not sealed batch={batch_id} reason=SealBrokenError"]
    put(whole)
    assert seal_all(house) == set()
    assert kept(house, keys[0]).body[0] == KEPT


def verdict(house: House, content: bytes | None, *, lang: str = "en") -> requests.Response:
    """Bring a file to the page where anybody has one judged."""
    files = None if content is None else {"file": ("a file", content)}
    return requests.post(
        f"{house.url}/verify", params={"lang": lang}, files=files, data={"text": ""}, timeout=30
    )


def test_anybody_has_a_file_judged_on_a_page(house: House, tmp_path: Path) -> None:
    journal, shop, person = tmp_path / "journal", house.green, house.member()
    with closing(
        GatewayClient(url=house.url, key_id=shop.key_id, key=shop.key, journal=journal)
    ) as till:
        bought = till.earn(member={"phone": person.phone}, merchant_ref="judged", amount=70_000)
        till.refund_earning(bought.data["id"], merchant_ref="judged-back", amount=10_000)
    calls = journal.read_bytes()
    good = verdict(house, calls)
    assert (good.status_code, "It holds" in good.text) == (200, True)
    assert "default-src 'none'" in good.headers["Content-Security-Policy"]
    assert good.text.count(shop.key_id) == 1
    assert person.phone not in good.text
    assert "POST /v1/earnings" in good.text
    assert "معتبر است" in verdict(house, calls, lang="fa").text
    # What merely stands in a file is not repeated as if it were signed.
    lines = calls.strip().split(b"\n")
    forged = json.loads(lines[0])
    forged["request"]["path"] = "/v1/<b>other"
    told = verdict(house, lines[-1] + b"\n" + json.dumps(forged).encode()).text
    assert all(part in told for part in ("It does not hold", "1 of 2 calls", "for something else"))
    assert "other</" not in told
    with_key = lines[0].replace(shop.key_id.encode(), b"mk_live_" + b"a" * 26)
    assert "no such key is published" in verdict(house, with_key).text
    # Evidence, and evidence about another entry.
    key = house.services.entry_ids.decode(bought.data["id"], prefix="ern")
    document, keys = file_of(house, key)
    told = verdict(house, json.dumps(document).encode()).text
    assert all(part in told for part in ("It holds", "Evidence of one entry", "judged"))
    assert any(each["kid"] in told for each in keys)
    told = verdict(house, json.dumps({**document, "entry": "ent_other"}).encode(), lang="fa").text
    assert "معتبر نیست" in told
    assert "پاسخ دربارهٔ سند دیگری است" in told


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (None, 422, "There is nothing in it"),
        (b" ", 422, "There is nothing in it"),
        (b"%PDF-1.7 \xff", 422, "check code printed"),
        (b"record,entry\nline,x", 422, "spreadsheets"),
        (b"\x00\xff" * 999, 422, "nothing that the network signs"),
        (b"[" * 100_000, 422, "nothing that the network signs"),
        (b'{"a":' * 100_000, 422, "nothing that the network signs"),
        (b'{"format":"peyvand-evidence-2","answer":[],"request":7}', 200, "It does not hold"),
        (b'{"format":"peyvand-points-proof-1"}', 200, "It does not hold"),
        (b'{"format":"peyvand-movements-1","movements":{}}', 200, "It does not hold"),
        (b'{"lines":[],"totals":0,"seal":1,"digest":2}', 200, "It does not hold"),
        (b"eyJhbGciOiJub25lIn0.e30.AA", 200, "It does not hold"),
        (b'{"request":{"key_id":7},"answer":{}}', 422, "nothing that the network signs"),
        (b"{" + b"\n" * 3_000_000 + b"}", 422, "nothing that the network signs"),
        (b"{\n" * 1_500_000, 422, "nothing that the network signs"),
        (CALL_OF_ENDLESS_STATUS, 422, "nothing that the network signs"),
        (b"x" * (LARGEST + 1), 413, "larger than 4 MB"),
        (b"x" * (LARGEST + 99_999), 413, "larger than 4 MB"),
    ],
)
def test_a_hostile_file_is_told_what_it_is_not(
    house: House, content: bytes | None, status: int, said: str
) -> None:
    answer = verdict(house, content)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text[-900:]


def test_what_drips_holds_nobody_up(house: House) -> None:
    host, port = house.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as slow:
        head = f"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST}\r\n\r\n"
        slow.sendall(head.encode() + b"abc")
        assert [verdict(house, b"%PDF-").status_code for _ in range(6)] == [422] * 6
        assert requests.get(f"{house.url}/verify", timeout=30).status_code == 200
