"""Two wallets are locked the lesser id first, whoever gives and whichever function it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from network.database.connection import Database
from network.ids import uuid7
from network.ledger.operations_members import forward
from network.ledger.values import Posted
from tests.integration.ledger.conftest import PATIENCE_SECONDS, Hands
from tests.integration.ledger.test_two_wallets import merge, pool, transfer

_FREE = text("SELECT member_id FROM ledger.wallet WHERE member_id = :id FOR UPDATE SKIP LOCKED")


def _pair(hands: Hands, *, shared: bool = False) -> tuple[UUID, UUID]:
    """Return two wallets with points, the lesser id first; the other is to be shared if asked."""
    pair = hands.wallet(), hands.wallet(shared=shared)
    for member_id in pair:
        hands.earn(member_id, 100)
    lesser, greater = sorted(pair)
    return lesser, greater


def _follow(hands: Hands, member_id: UUID) -> Posted | None:
    with hands.database.ledger() as connection:
        return forward(connection, now=hands.now, wall=hands.now, member_id=member_id)


def _gives(hands: Hands) -> tuple[UUID, UUID, Callable[[], object]]:
    lesser, greater = _pair(hands)
    return lesser, greater, partial(transfer, hands, lesser, greater, 5)


def _gets(hands: Hands) -> tuple[UUID, UUID, Callable[[], object]]:
    lesser, greater = _pair(hands)
    return lesser, greater, partial(transfer, hands, greater, lesser, 5)


def _goes_up(hands: Hands) -> tuple[UUID, UUID, Callable[[], object]]:
    lesser, greater = _pair(hands)
    return lesser, greater, partial(merge, hands, lesser, greater)


def _goes_down(hands: Hands) -> tuple[UUID, UUID, Callable[[], object]]:
    lesser, greater = _pair(hands)
    return lesser, greater, partial(merge, hands, greater, lesser)


def _joins(hands: Hands) -> tuple[UUID, UUID, Callable[[], object]]:
    person, shared = _pair(hands, shared=True)
    return person, shared, partial(pool, hands, person, shared, points=None)


def _leaves(hands: Hands) -> tuple[UUID, UUID, Callable[[], object]]:
    person, shared, join = _joins(hands)
    join()
    return person, shared, partial(pool, hands, person, shared, points=5)


def _follows(hands: Hands) -> tuple[UUID, UUID, Callable[[], object]]:
    lesser, greater = _pair(hands)
    paid = hands.redeem(greater, 30, ref=(ref := str(uuid7())))
    assert paid.sequence == 2
    merge(hands, greater, lesser)
    hands.reverse(greater, ref)
    return lesser, greater, partial(_follow, hands, greater)


@pytest.mark.parametrize("begin", [_gives, _gets, _goes_up, _goes_down, _joins, _leaves, _follows])
def test_the_lesser_id_is_had_before_the_other_is_waited_for(
    hands: Hands,
    owner_database: Database,
    begin: Callable[[Hands], tuple[UUID, UUID, Callable[[], object]]],
) -> None:
    lesser, greater, call = begin(hands)
    with owner_database.unit_of_work() as session:
        assert session.scalars(_FREE, {"id": greater}).all() == [greater]
        running = hands.start(call)
        hands.until_waiting(1)
        with owner_database.unit_of_work() as other:
            assert other.scalars(_FREE, {"id": lesser}).all() == []
    assert isinstance(running.result(PATIENCE_SECONDS), Posted)


def test_opposite_gifts_that_meet_both_arrive(hands: Hands) -> None:
    lesser, greater = _pair(hands)
    for first, second in ((lesser, greater), (greater, lesser)):
        met = hands.meet(
            first,
            partial(transfer, hands, first, second, 7),
            partial(transfer, hands, second, first, 5),
        )
        assert [type(done) for done in met] == [Posted, Posted]
    assert (hands.view(lesser).available, hands.view(greater).available) == (100, 100)
