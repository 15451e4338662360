"""Statements on paper: the same bytes each time, every line, both languages; codes to check by."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from hashlib import sha256
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.clearing import paper_lines
from network.clearing import statement_pdf as papers
from network.clearing.checking import CODE_BYTES, check_code, read_code
from network.clearing.facts import OBLIGATION_KINDS, StatementLine
from network.clearing.paper import Sheet
from tests.unit.settlement.test_documents import FEE, GROCER, IDS, LINE, drafted

URL = "https://gateway.example/verify"


def printed(lines: list[StatementLine], *, locale: str, environment: str = "live") -> bytes:
    statement = drafted({(GROCER, "IRR"): -1000})
    statement = replace(statement, totals=replace(statement.totals, lines=len(lines)))
    return papers.statement_pdf(
        statement,
        lines=lines,
        entry_ids=IDS,
        locale=locale,
        check_url=URL,
        environment=environment,
    )


def pages(document: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", document))


def drawn(document: bytes) -> bytes:
    """Return what the pages' streams draw."""
    found = re.findall(rb"stream\n(.*?)\nendstream", document, re.DOTALL)
    return b"".join(zlib.decompress(each) for each in found if each[:1] == b"\x78")


@pytest.mark.parametrize("locale", ["fa", "en"])
def test_the_same_statement_is_the_same_bytes(locale: str) -> None:
    lines = [LINE, FEE, replace(LINE, merchant_ref="یک شمارهٔ بسیار بلند" * 9, kind="new_kind")]
    first = printed(lines, locale=locale)
    assert sha256(first).digest() == sha256(printed(lines, locale=locale)).digest()
    assert first.startswith(b"%PDF-")
    assert (b"/Lang (fa-IR)" in first) == (locale == "fa")
    # The date inside is that of the statement, not of the printing.
    assert b"/CreationDate (D:20260323" in first


def test_every_line_is_printed_up_to_a_length_and_the_sums_beyond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [replace(LINE, sequence=number) for number in range(1, 91)]
    assert pages(printed(lines, locale="en")) == 3
    monkeypatch.setattr(paper_lines, "MOST_LINES", 89)
    assert pages(printed(lines, locale="en")) == 1


@pytest.mark.parametrize("locale", ["fa", "en"])
def test_no_side_and_no_kind_is_cut_where_sums_stand_by_kind(
    locale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[str] = []
    shorten = Sheet._cut

    def noted(sheet: Sheet, text: str, width: float) -> str:
        cut.append(text)
        return shorten(sheet, text, width)

    monkeypatch.setattr(Sheet, "_cut", noted)
    monkeypatch.setattr(paper_lines, "MOST_LINES", 0)
    sides = [
        replace(LINE, direction="receivable"),
        replace(LINE, direction="payable"),
        replace(LINE, direction="fee"),
        replace(LINE, direction="vat"),
        replace(LINE, direction="deposit"),
    ]
    every = product(OBLIGATION_KINDS, sides)
    printed([replace(line, kind=kind) for kind, line in every], locale=locale)
    assert cut == []


@pytest.mark.parametrize("locale", ["fa", "en"])
def test_a_sandbox_s_paper_says_so_on_every_page(locale: str) -> None:
    lines = [replace(LINE, sequence=number) for number in range(1, 91)]
    live, test = (printed(lines, locale=locale, environment=each) for each in ("live", "test"))
    assert pages(live) == pages(test) == 3
    band, pale = b" 595.28 -25.51 re f", b"0.902 g"
    assert (drawn(live).count(band), drawn(live).count(pale)) == (0, 0)
    assert (drawn(test).count(band), drawn(test).count(pale)) == (3, 3)


def test_a_sandbox_s_square_names_whose_sandbox_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    squares: list[str] = []

    def keep(_sheet: Sheet, content: str, **_where: float) -> None:
        squares.append(content)

    monkeypatch.setattr(Sheet, "square_code", keep)
    for environment in ("live", "test"):
        printed([LINE], locale="en", environment=environment)
    live, test = squares
    assert "test=" not in live
    assert test.removeprefix(live).startswith("&test=")


def test_another_figure_is_another_paper() -> None:
    assert drawn(printed([LINE], locale="fa")) != drawn(
        printed([replace(LINE, share=LINE.share + 1)], locale="fa")
    )


@given(st.binary(min_size=32, max_size=32))
def test_a_code_reads_back_as_it_may_be_typed(digest: bytes) -> None:
    code = check_code(digest)
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code)
    assert read_code(code) == digest[:CODE_BYTES]
    loose = (
        code.lower()
        .replace("-", " ")
        .replace("1", "l")
        .translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    )
    assert read_code(loose) == digest[:CODE_BYTES]


@pytest.mark.parametrize(
    "text", ["", "0000-0000-0000-000", "0" * 17, "UUUU-0000-0000-0000", "ß" * 16]
)
def test_what_is_no_code(text: str) -> None:
    assert read_code(text) is None
