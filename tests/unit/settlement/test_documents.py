"""Statements as documents: canonical JSON, digest, CSV that no spreadsheet executes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import pytest

from network.clearing.facts import (
    PartyView,
    ReserveMonth,
    ReserveView,
    SealView,
    StatementLine,
    StatementView,
    Totals,
    WindowView,
)
from network.clearing.line_texts import ENTRY, LineSum, LineText
from network.clearing.statements import canonical, line_record, plain, statement_csv, statement_json
from network.clearing.tax_facts import StatedTax
from network.ids import EntryIds
from network.vault import Vault
from settlement.payments.orders import Terms
from settlement.statements import draft_statements

GROCER = UUID(int=2)
IDS = EntryIds(Vault(bytes(32)))
LINE = StatementLine(
    merchant_id=GROCER,
    obligation_id=UUID(int=7),
    member_id=UUID(int=8),
    sequence=5,
    line=2,
    recorded_at=datetime(2026, 3, 22, tzinfo=UTC),
    kind="redemption",
    direction="receivable",
    counterparty=None,
    merchant_ref='=HYPERLINK("x"), بستنی',
    points=7,
    price=Decimal("979.5000000000"),
    share=6856,
    currency="IRR",
)
FEE = replace(LINE, direction="fee", kind="margin", share=-41, price=Decimal("-20.5"), sequence=6)


def written(line: StatementLine) -> LineText:
    """Return a line as the database writes it."""
    record = line_record(line, name=lambda *_: "ENTRY")
    piece = canonical(record).decode().replace('"ENTRY"', f'"{ENTRY}"')
    return LineText(line.merchant_id, line.currency, line.member_id, line.sequence, 1, piece)


def drafted(openings: dict[tuple[UUID, str], int]) -> StatementView:
    drafts = draft_statements(
        sums=[LineSum(GROCER, "IRR", each.direction, each.share, 1) for each in (LINE, FEE)],
        texts=[written(each) for each in (LINE, FEE)],
        openings=openings,
        terms=Terms(),
        entry_ids=IDS,
        report=lambda _done: None,
    )
    draft = drafts[GROCER, "IRR"]
    return StatementView(
        statement_id=UUID(int=1),
        window=WindowView(
            window_id=UUID(int=3),
            first_day=date(2026, 3, 22),
            end_day=date(2026, 3, 23),
            state="settled",
            settled_at=datetime(2026, 3, 23, tzinfo=UTC),
        ),
        merchant=PartyView(party_id=GROCER, code="grocer", name_fa="بقال", name_en="Grocer"),
        totals=draft.totals,
        digest=draft.digest,
        seal_head=bytes(32),
        seal=SealView(
            business_date=date(2026, 3, 22), head=bytes(32), key_id="k", signature=b"\xff" * 64
        ),
        signed="a.b.c",
    )


def test_opening_and_net_make_the_closing_balance() -> None:
    totals = drafted({(GROCER, "IRR"): -1000}).totals
    assert totals == Totals(
        currency="IRR",
        opening=-1000,
        receivable=6856,
        payable=0,
        fees=-41,
        net=6897,
        returned=0,
        paid=0,
        closing=5897,
        lines=2,
        carried="no_account",
    )


def test_who_has_a_balance_but_no_line_has_a_statement_and_who_has_neither_has_none() -> None:
    carried, even = UUID(int=30), UUID(int=31)
    drafts = draft_statements(
        sums=[],
        texts=[],
        openings={(carried, "IRR"): 12, (even, "IRR"): 0},
        terms=Terms(),
        entry_ids=IDS,
        report=lambda _done: None,
    )
    assert [(key[0], each.totals.closing) for key, each in drafts.items()] == [(carried, 12)]


def test_the_digest_is_that_of_lines_and_totals_in_canonical_form() -> None:
    statement = drafted({})
    body = b"".join(statement_json(statement, lines=[LINE, FEE], entry_ids=IDS))
    document = json.loads(body)
    whole = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert body == whole.encode()
    signed = {"lines": document["lines"], "totals": document["totals"]}
    form = json.dumps(signed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert document["digest"] == f"sha-256:{sha256(form.encode()).hexdigest()}"
    assert document["digest"] == f"sha-256:{statement.digest.hex()}"
    assert sum(line["amount"] for line in document["lines"]) == document["totals"]["net"]
    assert document["lines"][0] == {
        "amount": 6856,
        "counterparty": "network",
        "direction": "receivable",
        "entry": IDS.encode(prefix="ent", member_id=UUID(int=8), sequence=5),
        "kind": "redemption",
        "merchant_ref": '=HYPERLINK("x"), بستنی',
        "points": 7,
        "price": "979.5",
    }
    assert str(LINE.member_id).encode() not in body


def test_csv_reads_back_and_no_cell_is_a_formula() -> None:
    statement = drafted({})
    body = b"".join(statement_csv(statement, lines=[LINE, FEE], entry_ids=IDS)).decode()
    assert body.count("\r\n") == body.count("\n")
    rows = list(csv.DictReader(io.StringIO(body, newline="")))
    assert rows[0]["merchant_ref"] == '\'=HYPERLINK("x"), بستنی'
    assert [row["record"] for row in rows[:2]] == ["line", "line"]
    assert (rows[1]["amount"], rows[1]["price"]) == ("41", "-20.5")
    amounts = {row["record"]: row["amount"] for row in rows[2:10]}
    assert amounts["closing"] == amounts["net"] == "6897"
    assert [row["record"] for row in rows[-3:]] == ["digest", "seal", "signed"]
    assert rows[-3]["entry"] == f"sha-256:{statement.digest.hex()}"


@pytest.mark.parametrize("reference", ["=1", "+1", "-1", "@A1", "\tx", "\rx", "＝1"])
def test_every_beginning_of_a_formula_is_disarmed(reference: str) -> None:
    line = replace(LINE, merchant_ref=reference)
    body = b"".join(statement_csv(drafted({}), lines=[line], entry_ids=IDS)).decode()
    rows = list(csv.DictReader(io.StringIO(body, newline="")))
    assert rows[0]["merchant_ref"] == f"'{reference}"


@pytest.mark.parametrize(
    ("price", "text"),
    [("979.5000000000", "979.5"), ("1000.0000000000", "1000"), ("0E-10", "0"), ("-0.05", "-0.05")],
)
def test_prices_are_written_plainly(price: str, text: str) -> None:
    assert plain(Decimal(price)) == text


def test_a_merchant_that_leaves_reads_when_its_cover_comes_free() -> None:
    statement = replace(
        drafted({}),
        reserve=ReserveView(
            deposit=900,
            reserve=100,
            points=7,
            months=(ReserveMonth(month=date(2026, 12, 1), points=7, frees=600, stays=400),),
        ),
    )
    body = b"".join(statement_json(statement, lines=[LINE, FEE], entry_ids=IDS))
    document = json.loads(body)
    assert document["reserve"] == {
        "deposit": 900,
        "points": 7,
        "release": [{"frees": 600, "month": "2026-12", "points": 7, "stays": 400}],
        "reserve": 100,
    }
    assert list(document) == sorted(document)
    # What is hashed and signed is the same with it and without.
    assert document["digest"] == f"sha-256:{drafted({}).digest.hex()}"
    told = b"".join(statement_csv(statement, lines=[LINE], entry_ids=IDS)).decode().splitlines()
    rows = [row.split(",") for row in told]
    assert [[row[0], row[1], row[6], row[8]] for row in rows if "cover" in row[0]] == [
        ["cover_deposit", "", "", "900"],
        ["cover_reserve", "", "7", "100"],
    ]
    assert [row[:2] + row[6:9:2] for row in rows if row[0] == "release"] == [
        ["release", "2026-12", "7", "600"]
    ]


def test_what_the_tax_falls_on_and_its_rate_stand_in_every_form() -> None:
    tax = StatedTax(
        direction="vat",
        kind="vat",
        fee=Decimal("13.3000000000"),
        rate=Decimal("0.1000000000"),
        price=Decimal("1.3300000000"),
        points=940,
        amount=1250,
    )
    drafts = draft_statements(
        sums=[LineSum(GROCER, "IRR", "vat", 1250, 1)],
        texts=[],
        openings={},
        terms=Terms(),
        entry_ids=IDS,
        report=lambda _done: None,
        taxes={(GROCER, "IRR"): (tax,)},
    )
    draft = drafts[GROCER, "IRR"]
    told = replace(drafted({}), totals=draft.totals, digest=draft.digest, taxes=draft.taxes)
    document = json.loads(b"".join(statement_json(told, lines=[], entry_ids=IDS)))
    assert document["taxes"] == [
        {
            "amount": -1250,
            "base": "12502",
            "direction": "vat",
            "fee": "13.3",
            "kind": "vat",
            "points": 940,
            "price": "1.33",
            "rate": "0.1",
        }
    ]
    signed = {name: document[name] for name in ("lines", "taxes", "totals")}
    assert document["digest"] == f"sha-256:{sha256(canonical(signed)).hexdigest()}"
    table = io.StringIO(b"".join(statement_csv(told, lines=[], entry_ids=IDS)).decode())
    (row,) = [each for each in csv.DictReader(table) if each["record"] == "tax"]
    assert (row["kind"], row["points"], row["price"], row["amount"]) == (
        *("vat", "940", "1.33", "-1250"),
    )
    assert (row["tax_base"], row["tax_rate"], row["currency"]) == ("12502", "0.1", "IRR")
