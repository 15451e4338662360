"""The merchant's replay and its journal, on answers signed as the network signs them."""

from __future__ import annotations

import base64
import copy
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from merchant_gateway.client.canonical import canonical
from merchant_gateway.client.errors import JournalError
from merchant_gateway.client.journal import Journal, Record, read_journal, worth_keeping
from merchant_gateway.client.replay import Replay, replay
from merchant_gateway.signing import Ed25519SigningKey, RequestBinding, sign_answer

NOW = datetime(2026, 3, 22, 9, tzinfo=UTC)
DAY = "2026-03-22"
KEY = Ed25519SigningKey.generate()
KEYS = {"net": KEY.verifying_key()}
HEAD = "ab" * 32


def answered(path: str, data: dict[str, Any], *, method: str = "POST", ref: str = "") -> Record:
    body = json.dumps(data).encode()
    binding = RequestBinding(label="sig1", signature=sha256(body).digest() * 2)
    signed = sign_answer(status=200, body=body, request=binding, key=KEY, key_id="net", now=NOW)
    return Record(
        at=NOW,
        method=method,
        path=path,
        query="",
        key_id="mk_live_x",
        idempotency_key=f"{path}-{ref}",
        body=json.dumps({"merchant_ref": ref}, separators=(",", ":")).encode() if ref else b"",
        binding=binding,
        status=200,
        answer=body,
        content_digest=signed.content_digest or "",
        signature_input=signed.signature_input,
        signature=signed.signature,
    )


def moved(entry: str, points: int, **more: Any) -> dict[str, Any]:
    return {"id": entry, "points": points, "business_date": DAY, **more}


RECORDS = [
    answered("/v1/earnings", moved("ern_a", 12, state="available")),
    answered("/v1/redemptions", moved("red_b", 30, state="captured")),
    answered("/v1/redemptions", moved("red_c", 50, state="authorised")),
    answered("/v1/redemptions/red_c/capture", moved("red_c", 20), ref="C-1"),
    answered("/v1/redemptions/red_b/refunds", moved("rfd_d", 10, redemption="red_b")),
    answered("/v1/earnings/ern_a/refunds", moved("rfd_e", 3, debt=2, earning="ern_a")),
    answered(
        "/v1/earnings/batches/bat_1/items",
        {
            "items": [
                {"type": "earn", "status": "posted", "merchant_ref": "F", **moved("ern_f", 7)},
                {"type": "earn", "status": "refused", "merchant_ref": "G"},
            ],
            "next_cursor": None,
        },
        method="GET",
    ),
]
LISTED = [
    {"id": name, "kind": kind, "points": points, "business_date": DAY, "merchant_ref": ref}
    for name, kind, points, ref in (
        ("ern_a", "issuance", 12, "A"),
        ("red_b", "redemption", 30, "B"),
        ("red_c", "authorisation", 50, "C"),
        ("ent_k", "capture", 20, "C-1"),
        ("rfd_d", "refund_redemption", 10, "D"),
        ("rfd_e", "refund_issuance", 5, "E"),
        ("ern_f", "issuance", 7, "F"),
        ("ent_z", "release", 30, None),
    )
]


def line(entry: str, points: int, price: str, amount: int, **more: Any) -> dict[str, Any]:
    return {
        "amount": amount,
        "counterparty": "network",
        "direction": "receivable",
        "entry": entry,
        "kind": "redemption" if points > 0 else "redeposit",
        "merchant_ref": None,
        "points": points,
        "price": price,
        **more,
    }


def statement() -> dict[str, Any]:
    lines = [
        line("ent_b", 10, "979.5", 9795),
        line("ent_b", 20, "979.5", 19590),
        line("ent_k", 20, "979.5", 19590),
        line("ent_d", -10, "979.5", -9795),
        line("ent_else", 4, "1000", -4000, direction="payable"),
        line("ent_else", 4, "20.5", -82, direction="fee", kind="margin"),
    ]
    totals = {
        "currency": "IRR",
        "opening": 100,
        "receivable": 39180,
        "payable": 4000,
        "fees": 82,
        "net": 35098,
        "returned": 0,
        "paid": 35198,
        "closing": 0,
        "lines": 6,
    }
    message = b"peyvand.seal.v1\n" + f"{DAY}\n{HEAD}\n".encode()
    whole = {
        "lines": lines,
        "totals": totals,
        "merchant": "grocer",
        "window": {"id": "win_x", "first_day": DAY, "end_day": "2026-03-23"},
        "seal": {
            "business_date": DAY,
            "head": HEAD,
            "key": "net",
            "signature": base64.urlsafe_b64encode(KEY.sign(message)).decode().rstrip("="),
        },
    }
    return signed_off(whole)


def signed_off(whole: dict[str, Any]) -> dict[str, Any]:
    kept = {name: whole[name] for name in ("lines", "reserve", "taxes", "totals") if name in whole}
    form = canonical(kept)
    digest = f"sha-256:{sha256(form).hexdigest()}"
    payload = {
        "merchant": whole["merchant"],
        "window": whole["window"],
        "digest": digest,
        "head": whole["seal"]["head"],
        "currency": whole["totals"]["currency"],
        "totals": whole["totals"],
    }
    header = {"alg": "EdDSA", "kid": "net", "typ": "peyvand-statement+jws"}
    return {**whole, "digest": digest, "signed": jws(header, payload)}


def jws(header: dict[str, Any], payload: dict[str, Any]) -> str:
    parts = [base64url(json.dumps(each).encode()) for each in (header, payload)]
    return ".".join([*parts, base64url(KEY.sign(".".join(parts).encode()))])


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def run(**changes: Any) -> Replay:
    given: dict[str, Any] = {
        "statement": statement(),
        "records": RECORDS,
        "transactions": LISTED,
        "keys": KEYS,
        "previous": {"closing": 100},
    } | changes
    return replay(given.pop("statement"), **given)


def codes(found: Replay) -> set[tuple[str, str]]:
    return {(each.code, each.subject) for each in found.findings}


def test_a_record_and_a_statement_that_agree() -> None:
    found = run()
    assert found.findings == []
    assert (found.agrees, found.entries, found.lines, found.own_lines) == (True, 7, 6, 4)
    assert run(records=[*RECORDS, *RECORDS]).agrees  # retries are kept too, and count once


def test_what_the_network_lists_and_the_journal_lacks() -> None:
    for missing, expected in (
        (0, {("not_in_journal", "ern_a")}),
        (1, {("not_in_journal", "red_b"), ("line_differs", "b")}),
        (3, {("not_in_journal", "ent_k"), ("line_differs", "k")}),
    ):
        kept = [each for place, each in enumerate(RECORDS) if place != missing]
        assert codes(run(records=kept)) == expected


def test_what_the_network_signed_and_does_not_list() -> None:
    for entry in ("ern_a", "ern_f"):
        listed = [each for each in LISTED if each["id"] != entry]
        assert codes(run(transactions=listed)) == {("not_at_network", entry.partition("_")[2])}
    listed = [each for each in LISTED if each["id"] != "ent_k"]
    assert codes(run(transactions=listed)) == {
        ("not_at_network", "capture C-1"),
        ("line_differs", "k"),
    }


def test_other_points_than_were_signed() -> None:
    listed = copy.deepcopy(LISTED)
    listed[0]["points"] = 11
    assert codes(run(transactions=listed)) == {("entry_differs", "ern_a")}


def test_an_answer_that_was_changed_in_the_journal() -> None:
    forged = replace(RECORDS[1], answer=RECORDS[1].answer.replace(b"30", b"33"))
    found = codes(run(records=[RECORDS[0], forged, *RECORDS[2:]]))
    assert ("answer_not_signed", "b") in found
    strange = replace(RECORDS[1], binding=RequestBinding(label="sig1", signature=bytes(64)))
    assert ("answer_not_signed", "b") in codes(run(records=[strange]))
    assert ("answer_not_signed", "b") in codes(run(keys={}))


def altered(change: Callable[[dict[str, Any]], None], *, hashed: bool = True) -> Replay:
    whole = statement()
    change(whole)
    return run(statement=signed_off(whole) if hashed else whole)


@pytest.mark.parametrize("name", ["receivable", "payable", "fees", "net", "closing", "lines"])
def test_every_sum_is_reckoned_anew(name: str) -> None:
    found = altered(lambda whole: whole["totals"].update({name: whole["totals"][name] + 1}))
    assert ("sum_differs", name) in codes(found)


def test_opening_price_points_digest_and_seal() -> None:
    assert codes(run(previous={"closing": 99})) == {("sum_differs", "opening")}
    assert codes(run(previous=None)) == {("sum_differs", "opening")}
    cheaper = altered(lambda whole: whole["lines"][0].update(price="978"))
    assert codes(cheaper) == {("price_differs", "line 1")}
    fewer = altered(lambda whole: whole["lines"][3].update(points=-9, price="1088.3333"))
    assert codes(fewer) == {("line_differs", "d")}
    plain = altered(lambda whole: whole["lines"][0].update(merchant_ref="x"), hashed=False)
    assert codes(plain) == {("sum_differs", "digest"), ("statement_not_signed", "win_x")}
    unsealed = altered(lambda whole: whole["seal"].update(head="ac" * 32))
    assert codes(unsealed) == {("seal_not_signed", "ac" * 32)}


def test_what_a_leaving_merchant_is_told_is_hashed_and_signed_too() -> None:
    months = [{"month": "2026-04", "points": 8, "frees": 8084, "stays": 0}]
    told = {"deposit": 0, "reserve": 1000, "points": 8, "release": months}
    assert altered(lambda whole: whole.update(reserve=told)).agrees

    def raised(whole: dict[str, Any]) -> None:
        whole.update(signed_off({**whole, "reserve": told}))
        whole["reserve"] = {**told, "reserve": 9000}

    for found in (
        altered(raised, hashed=False),
        altered(lambda whole: whole.update(reserve=told), hashed=False),
    ):
        assert codes(found) == {("sum_differs", "digest"), ("statement_not_signed", "win_x")}
    more = {**told, "deposit": 5}
    assert codes(altered(lambda whole: whole.update(reserve=more))) == {
        ("sum_differs", "reserve.deposit")
    }


def test_the_network_has_to_have_said_it() -> None:
    not_signed = {("statement_not_signed", "win_x")}
    own = altered(lambda whole: whole.pop("signed"), hashed=False)
    assert codes(own) == not_signed
    # Consistent in itself, with a seal that holds: whoever has one statement can make another.
    other = {**statement(), "signed": statement()["signed"]}
    other["merchant"] = "baker"
    assert codes(run(statement=other)) == not_signed
    payload = json.loads(base64.urlsafe_b64decode(statement()["signed"].split(".")[1] + "=="))
    for header in (
        {"alg": "none", "kid": "net", "typ": "peyvand-statement+jws"},
        {"alg": "EdDSA", "kid": "net", "typ": "peyvand-points+jws"},
        {"alg": "EdDSA", "kid": "other", "typ": "peyvand-statement+jws"},
        {"alg": "EdDSA", "kid": "net", "typ": "peyvand-statement+jws", "crit": ["b64"]},
    ):
        forged = {**statement(), "signed": jws(header, payload)}
        assert codes(run(statement=forged)) == not_signed, header


def taxed() -> dict[str, Any]:
    """Return the statement with a tax on the fee, and points that a deposit paid for."""
    whole = statement()
    whole["lines"] += [
        line("ent_else", 4, "2", -8, direction="vat", kind="vat"),
        line("ent_far", 3, "1000", -3000, direction="deposit"),
        line("ent_gone", 2, "1000", 2000, kind="expiry"),  # from the pool; nobody's taking
    ]
    whole["totals"] |= {
        "lines": 9,
        "receivable": 41180,
        "fees": 90,
        "vat": 8,
        "net": 37090,
        "called": 500,
        "paid": 36690,
        "deposit_opening": 1000,
        "deposit_paid_in": 1500,
        "deposit_used": 3000,
        "deposit_closing": 0,
        "carried": None,
    }
    return signed_off(whole)


def test_tax_and_a_deposit_are_reckoned_too() -> None:
    before = {"closing": 100, "deposit_closing": 1000}
    assert run(statement=taxed(), previous=before).findings == []
    for name in ("vat", "called", "deposit_used", "deposit_closing"):
        whole = taxed()
        whole["totals"][name] += 1
        found = codes(run(statement=signed_off(whole), previous=before))
        assert ("sum_differs", "closing" if name == "called" else name) in found
    assert codes(run(statement=taxed())) == {("sum_differs", "deposit_opening")}


def test_what_is_said_of_tax_is_held_against_its_lines() -> None:
    before = {"closing": 100, "deposit_closing": 1000}
    told = {
        "kind": "vat",
        "direction": "vat",
        "fee": "20",
        "rate": "0.1",
        "price": "2",
        "points": 4,
        "base": "80",
        "amount": -8,
    }

    def differing(**changed: object) -> set[tuple[str, str]]:
        whole = taxed() | {"taxes": [told | changed]}
        return codes(run(statement=signed_off(whole), previous=before))

    assert differing() == set()
    name = "taxes.vat.vat.2"
    assert differing(rate="0.2") == {("sum_differs", f"{name}.price")}
    assert differing(base="81") == {("sum_differs", f"{name}.base")}
    assert differing(amount=-9) == {("sum_differs", f"{name}.amount")}
    assert differing(points=5, base="100") == {("sum_differs", f"{name}.points")}
    # A tax that is not told is missed, too.
    untold = signed_off(taxed() | {"taxes": []})
    assert codes(run(statement=untold, previous=before)) == {
        ("sum_differs", f"{name}.points"),
        ("sum_differs", f"{name}.amount"),
    }
    # And the digest is of it as well.
    whole = signed_off(taxed() | {"taxes": [told]})
    whole["taxes"] = [told | {"rate": "0.10"}]
    assert ("sum_differs", "digest") in codes(run(statement=whole, previous=before))


def test_only_the_windows_own_days_are_looked_at() -> None:
    later = answered("/v1/earnings", moved("ern_y", 5) | {"business_date": "2026-03-23"})
    assert run(records=[*RECORDS, later]).agrees


def test_the_canonical_form() -> None:
    value: dict[str, Any] = {
        "\u20ac": 1,
        "\U0001f600": None,
        "\ufb33": True,
        "1": [],
        "\n": '\x0f\u0080/\u00f6"',
    }
    # RFC 8785, 3.2.3: by UTF-16 code units, so the face (a surrogate pair) before U+FB33.
    assert canonical(value).decode() == (
        '{"\\n":"\\u000f\u0080/ö\\"","1":[],"€":1,"\U0001f600":null,"\ufb33":true}'
    )
    with pytest.raises(ValueError, match="no place"):
        canonical({"amount": 1.5})


def test_a_journal_reads_back_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "till.jsonl"
    journal = Journal(path)
    for record in RECORDS:
        journal.keep(record)
    assert list(read_journal(path)) == RECORDS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open("ab") as file:
        file.write(b'{"format": 1, "at"')  # a crash in the middle of a line
    journal.keep(RECORDS[0])
    assert list(read_journal(path)) == [*RECORDS, RECORDS[0]]
    with path.open("ab") as file:
        file.write(b'{"format": 1}\n')
    with pytest.raises(JournalError, match="no record"):
        list(read_journal(path))
    with pytest.raises(JournalError, match="cannot be read"):
        list(read_journal(tmp_path / "none"))
    with pytest.raises(JournalError, match="cannot be written"):
        Journal(tmp_path).keep(RECORDS[0])


def test_what_moves_nothing_is_not_kept() -> None:
    assert worth_keeping(RECORDS[0])
    assert worth_keeping(RECORDS[6])
    for idle in (
        replace(RECORDS[0], path="/v1/earnings/quote"),
        replace(RECORDS[0], path="/v1/members/lookup"),
        replace(RECORDS[4], query="preview=true"),
        replace(RECORDS[0], status=422),
        replace(RECORDS[6], path="/v1/earnings/batches/bat_1"),
    ):
        assert not worth_keeping(idle), idle.path
