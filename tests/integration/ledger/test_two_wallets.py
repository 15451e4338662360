"""Seeded random operations with opposite transfers from real connections: no deadlock, clean books.

Every thread plays its own dice on the same few wallets, gives points both ways between them, joins
and leaves a shared wallet, and earns and spends, by wallet and in person, while another runs the
night.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from network.ids import EntryKey
from network.ledger import operations_members as members
from network.ledger import queries, shared_wallets
from network.ledger.audit import audit
from network.ledger.errors import WalletBusyError
from network.ledger.operations_batch import expire_due
from network.ledger.values import Posted
from network.ledger.views import EntryView
from tests.integration.ledger.conftest import PATIENCE_SECONDS, Hands, attempt

THREADS = 8
STEPS = 60
UNKNOWN_HERE = {"merchants_exist", "terms_exist"}
"""The hands make up merchants and terms; the others of the audit's checks hold for them too."""


def transfer(hands: Hands, giver: UUID, taker: UUID, points: int) -> Posted:
    with hands.database.ledger() as connection:
        return members.transfer(
            connection,
            now=hands.now,
            wall=hands.now,
            claim=hands.claim(),
            member_id=giver,
            taker=taker,
            points=points,
        )


def pool(hands: Hands, person: UUID, shared: UUID, *, points: int | None) -> Posted:
    """Join where ``points`` is None, leave with them otherwise."""
    facts = {"now": hands.now, "wall": hands.now, "claim": hands.claim(), "member_id": person}
    with hands.database.ledger() as connection:
        if points is None:
            return members.join_pool(connection, pool=shared, **facts)  # type: ignore[arg-type]
        return members.leave_pool(connection, pool=shared, points=points, **facts)  # type: ignore[arg-type]


def merge(hands: Hands, old: UUID, into: UUID) -> Posted:
    with hands.database.ledger() as connection:
        return members.merge(
            connection,
            now=hands.now,
            wall=hands.now,
            claim=hands.claim(),
            member_id=old,
            into=into,
            actor="operator:test",
        )


def night(hands: Hands) -> int:
    with hands.database.ledger() as connection:
        return expire_due(connection, now=hands.now, limit=3)


def differences(hands: Hands) -> list[str]:
    with hands.database.snapshot() as session:
        return [
            f"{check.name}: {check.examples}"
            for check in audit(session)
            if check.differences and check.name not in UNKNOWN_HERE
        ]


@pytest.mark.parametrize("seed", [1, 2])
def test_random_operations_with_opposite_transfers(hands: Hands, seed: int) -> None:
    people = [hands.wallet() for _ in range(4)]
    shared = hands.wallet(shared=True)
    for person in people:
        hands.earn(person, 500)

    def play(thread: int) -> Counter[str]:
        dice = random.Random(seed * 1000 + thread)  # noqa: S311 - a seeded mixture
        seen: Counter[str] = Counter()
        for _ in range(STEPS):
            one, other = dice.sample(people, 2)
            points = dice.randint(1, 40)
            acts: list[Callable[[], object]] = [
                partial(transfer, hands, one, other, points),
                partial(transfer, hands, other, one, points),
                partial(hands.earn, one, points, days=dice.choice([1, 90])),
                partial(hands.redeem, one, points),
                partial(pool, hands, one, shared, points=None),
                partial(pool, hands, one, shared, points=points),
                partial(transfer, hands, shared, one, points),
                partial(night, hands),
                partial(hands.earn, one, points, follow=True),
                partial(hands.redeem, one, points, follow=True),
            ]
            outcome = attempt(dice.choices(acts, weights=[8, 8, 4, 4, 1, 3, 2, 1, 4, 4])[0])
            seen[outcome if isinstance(outcome, str) else "posted"] += 1
        return seen

    running = [hands.pool.submit(play, thread) for thread in range(THREADS)]
    seen = sum((thread.result(PATIENCE_SECONDS * 4) for thread in running), Counter[str]())
    assert seen["posted"] > THREADS * STEPS / 4, seen
    assert set(seen) <= {"posted", "insufficient_points", "wallet_closed", "not_in_pool"}, seen
    assert differences(hands) == []


def test_opposite_transfers_that_meet_at_the_locks(hands: Hands) -> None:
    one, other = sorted([hands.wallet(), hands.wallet()])
    for person in (one, other):
        hands.earn(person, 100)
    outcomes = hands.meet(
        one,
        *[partial(transfer, hands, one, other, 10)] * 8,
        *[partial(transfer, hands, other, one, 7)] * 8,
    )
    assert all(isinstance(outcome, Posted) for outcome in outcomes)
    assert (hands.view(one).available, hands.view(other).available) == (100 - 24, 100 + 24)
    assert differences(hands) == []


def test_a_merge_meets_spending_and_a_gift(hands: Hands) -> None:
    """Whoever comes after the merge is told that the wallet is closed, and looks again."""
    for _ in range(3):
        old, into = hands.wallet(), hands.wallet()
        hands.earn(old, 100)
        outcomes = hands.meet(
            old,
            partial(merge, hands, old, into),
            partial(hands.redeem, old, 30),
            partial(transfer, hands, into, old, 5),
        )
        assert isinstance(outcomes[0], Posted)
        spent = 30 if isinstance(outcomes[1], Posted) else 0
        assert outcomes[1] == "wallet_closed" or spent
        assert outcomes[2] in {"wallet_closed", "insufficient_points"}
        assert (hands.view(old).available, hands.view(old).status) == (0, "closed")
        assert hands.view(into).available == 100 - spent
    assert differences(hands) == []


def test_whoever_joins_while_tills_wait_is_found_where_the_points_went(hands: Hands) -> None:
    """A till that waited for the closed wallet asks again by itself; nothing is lost or doubled."""
    for _ in range(3):
        person, shared = hands.wallet(), hands.wallet(shared=True)
        hands.earn(person, 100)
        outcomes = hands.meet(
            person,
            partial(pool, hands, person, shared, points=None),
            *[partial(hands.redeem, person, 3, follow=True)] * 4,
            *[partial(hands.earn, person, 5, follow=True)] * 4,
        )
        assert all(isinstance(outcome, Posted) for outcome in outcomes), outcomes
        own, common = hands.view(person), hands.view(shared)
        assert (own.available, common.available) == (0, 100 - 12 + 20)
        named = {entry.person_id for entry in _entries(hands, shared) if entry.merchant_id}
        assert named <= {person}
    assert differences(hands) == []


def test_whoever_leaves_while_tills_wait_spends_nothing_of_the_others(hands: Hands) -> None:
    """What came before the leave is the shared wallet's; what comes after, the person's own."""
    for _ in range(3):
        person, shared = hands.wallet(), hands.wallet(shared=True)
        hands.earn(shared, 100)
        pool(hands, person, shared, points=None)
        outcomes = hands.meet(
            shared,
            partial(pool, hands, person, shared, points=10),
            *[partial(hands.redeem, person, 4, follow=True)] * 8,
        )
        paid = [outcome for outcome in outcomes[1:] if isinstance(outcome, Posted)]
        before = [each for each in paid if each.member_id == shared]
        own = hands.view(person).available
        assert hands.view(shared).available == 90 - 4 * len(before)
        assert own == 10 - 4 * (len(paid) - len(before))
        assert {each for each in outcomes if isinstance(each, str)} <= {"insufficient_points"}
    assert differences(hands) == []


def test_a_key_is_answered_once_through_join_and_leave(hands: Hands) -> None:
    person, shared = hands.wallet(), hands.wallet(shared=True)
    first = hands.claim("till-1")
    hands.earn(person, 50, claim=first, ref="r1")
    pool(hands, person, shared, points=None)
    second = hands.claim("till-2")
    there = hands.earn(person, 30, claim=second, ref="r2", follow=True)
    assert there.member_id == shared
    pool(hands, person, shared, points=0)
    for claim, ref, owner in ((first, "r1", person), (second, "r2", shared)):
        again = hands.earn(person, 999, claim=claim, ref=ref, follow=True)
        assert (again.replayed, again.member_id) == (True, owner)
    assert attempt(partial(hands.earn, person, 30, ref="r2", follow=True)) == "duplicate_reference"
    other = hands.wallet()
    assert attempt(partial(hands.earn, other, 30, claim=second, ref="r2", follow=True)) == (
        "idempotency_conflict"
    )
    with hands.database.reading() as session:
        found = queries.by_reference(
            session,
            member_id=person,
            merchant_id=hands.bakery,
            kind="issuance",
            merchant_ref="r2",
        )
    assert found == EntryKey(shared, there.sequence)
    assert differences(hands) == []


def _entries(hands: Hands, member_id: UUID) -> list[EntryView]:
    with hands.database.reading() as session:
        return queries.entries(session, member_id=member_id, limit=100)


def test_a_wallet_that_stays_locked_is_busy_not_broken(hands: Hands) -> None:
    one, other = hands.wallet(), hands.wallet()
    hands.earn(one, 10)
    with hands.locked(other), hands.database.ledger() as connection:
        connection.exec_driver_sql("SET lock_timeout = '50ms'")
        with pytest.raises(WalletBusyError):
            members.transfer(
                connection,
                now=hands.now,
                wall=hands.now + timedelta(0),
                claim=hands.claim(),
                member_id=one,
                taker=other,
                points=1,
            )
        connection.exec_driver_sql("SET lock_timeout = '10s'")
    assert (hands.view(one).available, hands.view(one).sequence) == (10, 1)


def test_who_joined_a_shared_wallet_and_when(hands: Hands) -> None:
    sara, reza, family, estate = (hands.wallet() for _ in range(4))
    hands.earn(sara, 100)
    pool(hands, sara, family, points=None)
    pool(hands, reza, family, points=None)
    pool(hands, reza, family, points=30)
    with hands.database.reading() as session:
        stays = shared_wallets.memberships(session, pool_id=family)
        assert shared_wallets.home(session, member_id=sara) == family
        assert shared_wallets.home(session, member_id=reza) == reza
    assert [(stay.member_id, stay.left_at is None) for stay in stays] == [
        (sara, True),
        (reza, False),
    ]
    assert hands.view(reza).available == 30
    merge(hands, family, estate)
    with hands.database.reading() as session:
        assert shared_wallets.home(session, member_id=sara) == estate
    assert differences(hands) == []
