"""The console's pure parts: charts, the matrix, tables and their files."""

from __future__ import annotations

import csv
import io
from datetime import date
from uuid import UUID

import pytest
from flask import Flask

from config.web import listing
from network.clearing.facts import MatrixCell, PartyView
from network.language import parse_day
from settlement.console import charts
from settlement.console.grid import MOST_PARTIES, grid


def party(number: int) -> PartyView:
    code = f"shop-{number:03}"
    return PartyView(party_id=UUID(int=number), code=code, name_fa=code, name_en=code)


def cell(issuer: int, acceptor: int, points: int, amount: int = 0) -> MatrixCell:
    return MatrixCell(
        issuer=party(issuer),
        acceptor=party(acceptor),
        currency="IRR",
        points=points,
        amount=amount,
    )


def test_net_bars_lie_on_their_side_of_the_axis_and_keep_proportion() -> None:
    axis = charts.BAR_WIDTH // 2
    most = charts.net_bar(1_000, largest=1_000, mirrored=False)
    half = charts.net_bar(-500, largest=1_000, mirrored=False)
    assert most is not None
    assert half is not None
    assert (most.x, most.width, most.tone) == (axis, axis, "receives")
    assert (half.x, half.width, half.tone) == (axis - axis // 2, axis // 2, "pays")
    assert charts.net_bar(0, largest=1_000, mirrored=False) is None
    mirrored = charts.net_bar(1_000, largest=1_000, mirrored=True)
    assert mirrored is not None
    assert (mirrored.x, mirrored.tone) == (0, "receives")
    least = charts.net_bar(1, largest=10**12, mirrored=False)
    assert least is not None
    assert least.width > 0


def test_columns_share_one_scale_and_stay_inside() -> None:
    days = [
        (date(2026, 11, 20 + number), [("issued", 100 * number), ("redeemed", 7)])
        for number in range(3)
    ]
    for mirrored in (False, True):
        found = charts.day_columns(days, mirrored=mirrored)
        tallest = max(bar.height for column in found for bar in column.bars)
        assert tallest == charts.COLUMNS_HEIGHT
        for column in found:
            for bar in column.bars:
                assert column.x <= bar.x
                assert bar.x + bar.width <= column.x + column.width
    assert charts.day_columns([], mirrored=False) == []


def test_the_matrix_adds_up() -> None:
    found = grid([cell(1, 2, 10), cell(1, 3, 5), cell(2, 1, 20), cell(2, 2, -3)], measure="points")
    assert found.rows == {UUID(int=1): 15, UUID(int=2): 17}
    assert found.columns == {UUID(int=1): 20, UUID(int=2): 7, UUID(int=3): 5}
    assert found.total == 32
    assert found.cells[UUID(int=2), UUID(int=1)].shade == 5
    assert found.cells[UUID(int=2), UUID(int=2)].shade == 0


def test_a_large_matrix_keeps_the_largest_and_says_so() -> None:
    found = grid(
        [cell(number, number, number) for number in range(1, MOST_PARTIES + 6)], measure="points"
    )
    assert len(found.issuers) == len(found.acceptors) == MOST_PARTIES
    assert found.left_out == 10
    assert min(issuer.party_id.int for issuer in found.issuers) == 6
    assert found.total == sum(range(1, MOST_PARTIES + 6))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "＝1", "－1"]
)
def test_files_carry_no_formulas(text: str) -> None:
    with Flask("test").test_request_context("/"):
        response = listing.csv_response("x", ("a", "b"), [(text, -5)])
        body = response.get_data(as_text=True).removeprefix("\ufeff")
    _, row = csv.reader(io.StringIO(body, newline=""))
    assert row[0] == f"'{text}"
    assert row[1] == "-5"


@pytest.mark.parametrize(
    ("query", "rows", "newer", "older"),
    [
        ("", list(range(50)), None, "?from=50"),
        ("from=50", list(range(50, 100)), "?", "?from=100"),
        ("from=100&sort=n", list(range(100, 120)), "?from=50&sort=n", None),
        ("sort=-n", list(range(119, 69, -1)), None, "?sort=-n&from=50"),
        ("sort=nonsense", list(range(50)), None, "?sort=nonsense&from=50"),
        ("from=nonsense", list(range(50)), None, "?from=50"),
        ("from=999999999", [119], "?from=69", None),
        ("q=row-11", [11, *range(110, 120)], None, None),
    ],
)
def test_tables_sort_search_and_page(
    query: str, rows: list[int], newer: str | None, older: str | None
) -> None:
    with Flask("test").test_request_context(f"/?{query}"):
        page = listing.arrange(
            range(120), keys={"n": lambda row: row}, sort="n", words=lambda row: f"row-{row}"
        )
    assert list(page.rows) == rows
    assert (page.newer, page.older) == (newer, older)


def test_text_sorts_as_the_persian_alphabet_and_missing_values_come_last() -> None:
    names = ["گوشت", "پوشاک", "بوستان", None, "چرم"]
    with Flask("test").test_request_context("/"):
        page = listing.arrange(names, keys={"n": lambda row: row}, sort="n")
    assert list(page.rows) == ["بوستان", "پوشاک", "چرم", "گوشت", None]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-22", date(2026, 11, 22)),
        ("۱۴۰۵/۰۹/۰۱", date(2026, 11, 22)),
        ("1405-9-1", date(2026, 11, 22)),
        ("1405/13/01", None),
        ("2026-02-30", None),
        ("soon", None),
        ("", None),
    ],
)
def test_days_are_read_in_both_calendars(text: str, day: date | None) -> None:
    assert parse_day(text) == day
