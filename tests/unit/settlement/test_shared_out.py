"""Statements that several connections write: who writes which."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from settlement.exporting import shared_out
from tests.unit.settlement.test_documents import drafted

ONE = drafted({})


@given(
    counts=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10_000)), max_size=30),
    among=st.integers(1, 5),
)
def test_merchants_are_shared_out_by_their_lines(counts: list[tuple[int, int]], among: int) -> None:
    statements = [
        replace(
            ONE,
            statement_id=UUID(int=number),
            merchant=replace(ONE.merchant, party_id=UUID(int=merchant)),
            totals=replace(ONE.totals, lines=lines),
        )
        for number, (merchant, lines) in enumerate(counts)
    ]
    shares = shared_out(statements, among=among)
    ids = [{each.merchant.party_id for each in share} for share in shares]
    assert len(shares) <= among
    assert sorted(each.statement_id for share in shares for each in share) == [
        each.statement_id for each in statements
    ]
    assert all(max(below) < min(above) for below, above in pairwise(ids))
    weight = {
        merchant: sum(1 + lines for other, lines in counts if other == merchant)
        for merchant, _ in counts
    }
    for share in ids:
        assert sum(weight[each.int] for each in share) <= (
            sum(weight.values()) / among + max(weight.values())
        )
