"""Direct payments: sums are kept, there are few of them, and they are the same each time."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from settlement.direct import Direct, Transfer, direct_payments

A, B, C, D = (UUID(int=number) for number in (1, 2, 3, 4))
DUES = st.dictionaries(
    st.integers(1, 60).map(lambda number: UUID(int=number)), st.integers(-(10**12), 10**12)
)


@given(due=DUES)
def test_sums_are_kept_and_payments_are_few(due: dict[UUID, int]) -> None:
    found = direct_payments(due)
    gets: defaultdict[UUID, int] = defaultdict(int, found.rest)
    for each in found.transfers:
        assert each.amount > 0
        gets[each.payee] += each.amount
        gets[each.payer] -= each.amount
    assert {party: gets[party] for party in due} == due
    assert set(gets) <= set(due)
    concerned = sum(amount != 0 for amount in due.values())
    assert len(found.transfers) <= max(0, concerned - 1)
    assert len(found.transfers) + len(found.rest) <= concerned
    # What is left goes one way, and comes to what all are due together: the network's part.
    assert len({amount > 0 for amount in found.rest.values()}) <= 1
    assert sum(found.rest.values()) == sum(due.values())
    assert 0 not in found.rest.values()
    # Nobody pays and is paid.
    assert not {each.payer for each in found.transfers} & {each.payee for each in found.transfers}
    assert len({(each.payer, each.payee) for each in found.transfers}) == len(found.transfers)


@given(due=DUES, order=st.randoms())
def test_the_order_of_the_amounts_changes_nothing(due: dict[UUID, int], order: object) -> None:
    parties = sorted(due)
    order.shuffle(parties)  # type: ignore[attr-defined]
    assert direct_payments({party: due[party] for party in parties}) == direct_payments(due)


def test_the_largest_pay_the_largest() -> None:
    assert direct_payments({A: 70, B: 20, C: -60, D: -40}) == Direct(
        transfers=(
            Transfer(payer=C, payee=A, amount=60),
            Transfer(payer=D, payee=B, amount=20),
            Transfer(payer=D, payee=A, amount=10),
        ),
        rest={D: -10},
    )
