"""Files of the console: figures stay figures, text never becomes a formula."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask

from config.web import listing
from config.web.listing import TooManyRowsError, csv_response


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-29, "-29"),
        (Decimal("-29.8765432109"), "-29.8765432109"),
        (Decimal("1E+3"), "1000"),
        (None, ""),
        ("-29", "'-29"),
        (" =SUM(A1)", "' =SUM(A1)"),
        ("بستنی", "بستنی"),
    ],
)
def test_only_text_is_guarded(value: object, cell: str) -> None:
    body = csv_response("table", ["figure"], [[value, "end"]]).get_data().decode("utf-8-sig")
    assert body.splitlines()[1] == f"{cell},end"


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7])
def test_a_list_is_read_piece_by_piece_to_its_end(rows: int) -> None:
    numbers = list(range(rows))

    def read(after: int | None) -> list[int]:
        return [each for each in numbers if after is None or each > after][:3]

    assert list(listing.pieces(read, key=lambda each: each)) == numbers


def test_a_file_has_every_row_or_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_EXPORTED", 4)
    app = Flask(__name__)
    with app.test_request_context("/?format=csv"):
        assert listing.asked(2) == 5
        assert listing.first([1, 2, 3, 4], 2) == ([1, 2, 3, 4], False)
        with pytest.raises(TooManyRowsError):
            listing.first([1, 2, 3, 4, 5], 2)
        # What is in memory anyway is never cut.
        page = listing.arrange([5, 3, 1, 4, 2, 6], keys={"n": lambda row: row}, sort="n")
        assert page.rows == [1, 2, 3, 4, 5, 6]
    with app.test_request_context("/"):
        assert listing.asked(2) == 3
        assert listing.first([1, 2, 3], 2) == ([1, 2], True)
