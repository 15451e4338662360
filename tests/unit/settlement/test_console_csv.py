"""Files of the console: figures stay figures, text never becomes a formula."""

from __future__ import annotations

from decimal import Decimal

import pytest

from settlement.console.listing import csv_response


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
