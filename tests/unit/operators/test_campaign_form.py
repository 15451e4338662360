"""Numbers in the form of a campaign: short and exact ones are taken, all others refused at once."""

from __future__ import annotations

from fractions import Fraction

import pytest

from network.clearing.parties import NETWORK_NAME, NETWORK_PARTY
from network.programme.campaigns import WHOLE
from settlement.console.campaign_form import Reader


def reader(**form: str) -> Reader:
    return Reader(form=form, codes={NETWORK_NAME: NETWORK_PARTY})


@pytest.mark.parametrize(
    ("given", "expected"),
    [("2", Fraction(2)), ("1.5", Fraction(3, 2)), ("۱٫۵", Fraction(3, 2)), ("3/2", Fraction(3, 2))],
)
def test_a_factor_is_exact(given: str, expected: Fraction) -> None:
    form = reader(value=given)
    assert (form.exact("value"), form.wrong) == (expected, {})


@pytest.mark.parametrize(
    "given",
    [
        *("1e999999999", "1e9", "", "-1", "+1", "1/0", "1/00", "1_0", "1.", "²", "9" * 13),
        *("1.12345678901", "1,5", "1/1000000"),
    ],
)
def test_what_is_no_factor_is_refused(given: str) -> None:
    form = reader(value=given)
    assert form.exact("value") == 0
    assert set(form.wrong) == {"value"}


def test_shares_are_read_the_same_way() -> None:
    (whole,) = reader(funders="network ۱۰۰٪").funders()
    assert (whole.party_id, whole.share) == (NETWORK_PARTY, WHOLE)
    for percent in ("1e999999999", "-100", "100/0"):
        (nothing,) = reader(funders=f"network {percent}").funders()
        assert nothing.share == 0


@pytest.mark.parametrize("given", ["9" * 19, "²", "1e3", "-1"])
def test_what_is_no_whole_number_is_refused(given: str) -> None:
    form = reader(budget=given)
    assert form.whole_or_none("budget") is None
    assert set(form.wrong) == {"budget"}


def test_whole_numbers_may_be_grouped_or_left_out() -> None:
    form = reader(budget="۱٬۰۰۰٬۰۰۰")
    assert (form.whole_or_none("budget"), form.whole_or_none("day_cap"), form.wrong) == (
        1_000_000,
        None,
        {},
    )
