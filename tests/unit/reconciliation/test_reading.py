"""Reading a merchant's record: every line becomes a line or a fault that names its field."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.members.pairwise import UnknownNameError
from network.reconciliation import reading
from network.reconciliation.facts import Fault, Form
from network.reconciliation.reading import Line, Reader, form_of
from network.reconciliation.words import FAULTS

DAY = date(2026, 3, 22)
MEMBER = UUID(int=5)
GOOD = {
    "type": "earn",
    "merchant_ref": "R-1",
    "occurred_at": "2026-03-22T10:00:00+03:30",
    "amount": 100,
}


def member(name: str) -> UUID:
    if name != "anna":
        raise UnknownNameError("no")
    return MEMBER


def read(content: bytes | Iterable[bytes], form: Form = "jsonl") -> list[Line | Fault]:
    pieces = [content] if isinstance(content, bytes) else content
    return list(Reader(day=DAY, member=member).read(pieces, form=form))


def jsonl(*lines: dict[str, Any] | bytes) -> bytes:
    return b"\n".join(
        each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines
    )


def test_a_line_says_what_it_says_in_both_forms() -> None:
    full = {
        **GOOD,
        "idempotency_key": "k-1",
        "currency": "IRR",
        "points": 1,
        "status": "voided",
        "member": "anna",
        "store": "مرکزی",
        "terminal": "T 1",
        "receipt": "7",
    }
    (line,) = read(jsonl(full))
    assert line == Line(
        line=1,
        type="earn",
        merchant_ref="R-1",
        idempotency_key="k-1",
        occurred_at=datetime(2026, 3, 22, 6, 30, tzinfo=UTC),
        amount=100,
        points=1,
        status="voided",
        member_id=MEMBER,
        card=None,
        store="مرکزی",
        terminal="T 1",
        receipt="7",
    )
    rows = f"{','.join(full)}\r\n{','.join(str(each) for each in full.values())}\r\n"
    (same,) = read(b"\xef\xbb\xbf" + rows.encode(), "csv")
    assert same == line._replace(line=2)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"type": None}, "type", "null"),
        ({"type": "sell"}, "type", "not_one_of"),
        ({"merchant_ref": ""}, "merchant_ref", "blank"),
        ({"merchant_ref": 1}, "merchant_ref", "not_text"),
        ({"merchant_ref": " R"}, "merchant_ref", "surrounding_spaces"),
        ({"merchant_ref": "R\u202e1"}, "merchant_ref", "control_character"),
        ({"merchant_ref": "cafe\u0301"}, "merchant_ref", "not_composed"),
        ({"receipt": "R\u20031"}, "receipt", "invisible_character"),
        ({"merchant_ref": "R" * 65}, "merchant_ref", "too_long"),
        ({"occurred_at": "2026-03-22"}, "occurred_at", "not_time"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "occurred_at", "not_time"),
        ({"occurred_at": "2026-03-22T10:00:00"}, "occurred_at", "time_without_zone"),
        ({"occurred_at": "2026-03-24T00:00:00+03:30"}, "occurred_at", "other_day"),
        ({"occurred_at": "0001-01-01T00:00:00+23:59"}, "occurred_at", "other_day"),
        ({"amount": "100"}, "amount", "not_integer"),
        ({"amount": 1.5}, "amount", "not_integer"),
        ({"amount": True}, "amount", "not_integer"),
        ({"amount": -1}, "amount", "out_of_range"),
        ({"amount": 10**15 + 1}, "amount", "out_of_range"),
        ({"amount": ...}, "amount", "missing"),
        ({"type": "redeem"}, "points", "missing"),
        ({"currency": "USD"}, "currency", "foreign_currency"),
        ({"status": "gone"}, "status", "not_one_of"),
        ({"member": "behnam"}, "member", "unknown_member"),
        ({"card": "12"}, "card", "wrong_form"),
        ({"member": "anna", "card": "1" * 16}, "card", "member_and_card"),
        ({"colour": 1}, "colour", "unknown_field"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str, code: str) -> None:
    line = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    assert read(jsonl(GOOD, line, GOOD))[1:-1] == [Fault(line=2, field=field, code=code)]
    assert code in FAULTS


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "blank"),
        (b"[]", "not_object"),
        (b'{"a": NaN}', "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"a": "\xff"}', "malformed_json"),
        (b"[" * 9_000, "malformed_json"),
        (b'{"a": "' + b"x" * 20_000 + b'"}', "line_too_long"),
    ],
)
def test_what_is_no_object_is_named_by_its_line(raw: bytes, code: str) -> None:
    assert read(jsonl(raw, GOOD))[0] == Fault(line=1, field="", code=code)
    assert code in FAULTS


def test_a_name_that_stands_twice_is_a_fault() -> None:
    twice = b'{"type": "earn", "type": "earn"}'
    assert read(twice) == [Fault(line=1, field="type", code="duplicate_key")]
    rows = b"type,type,merchant_ref,occurred_at\n"
    assert read(rows, "csv") == [Fault(line=1, field="type", code="duplicate_key")]


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        (b"type,merchant_ref\n", [(1, "occurred_at", "missing")]),
        (b"type,merchant_ref,occurred_at,size\n", [(1, "size", "unknown_field")]),
        (b"type,merchant_ref,occurred_at\nearn,R\n", [(2, "", "other_columns")]),
        (b'type,merchant_ref,occurred_at\n"earn\n', [(2, "", "malformed_csv")]),
        (b"type,merchant_ref,occurred_at\n\xff,R,x\n", [(2, "", "malformed_csv")]),
        (b"type,merchant_ref,occurred_at\n", []),
    ],
)
def test_csv_is_read_strictly(rows: bytes, faults: list[tuple[int, str, str]]) -> None:
    assert read(rows, "csv") == [
        Fault(line=line, field=field, code=code) for line, field, code in faults
    ]


def test_a_record_has_so_many_lines_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_LINES", 2)
    assert read(jsonl(GOOD, GOOD, GOOD, GOOD))[2:] == [Fault(line=3, field="", code="too_many")]


@given(st.data())
def test_pieces_may_be_cut_anywhere(data: st.DataObject) -> None:
    content = jsonl(GOOD, {**GOOD, "merchant_ref": "دو"}, b"{") + b"\r\n"
    places = sorted(data.draw(st.sets(st.integers(0, len(content)), max_size=4)))
    pieces = [content[a:b] for a, b in zip([0, *places], [*places, len(content)], strict=True)]
    assert read(pieces) == read(content)


def test_the_form_is_seen_from_the_beginning() -> None:
    assert form_of(b'\n {"type"') == "jsonl"
    assert form_of(b"\xef\xbb\xbftype,") == "csv"
