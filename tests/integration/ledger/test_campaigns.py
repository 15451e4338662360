"""Budgets of campaigns: crowds at their end, histories that move, and what a purchase must say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from network.clock import local_date
from network.database.connection import Database
from network.ids import uuid7
from network.ledger import operations, operations_campaigns
from network.ledger.errors import LedgerInvariantError
from network.ledger.values import Claim, Grant, Posted, Takings
from network.settings import PROGRAMME_ZONE
from tests.conftest import DatabaseUrls
from tests.integration.ledger.conftest import PATIENCE_SECONDS, Hands, attempt

CROWD = 64
BONUS = 10


def campaign(hands: Hands, budget: int, *, slices: int = 16, cap: int | None = None) -> UUID:
    """Open a budget and return its campaign."""
    campaign_id = uuid7()
    with hands.database.ledger() as connection:
        operations_campaigns.open_campaign(
            connection,
            campaign_id=campaign_id,
            budget=budget,
            slices=slices,
            person_cap=cap,
            day_cap=None,
        )
    return campaign_id


def earn(
    hands: Hands,
    member_id: UUID,
    bonuses: Mapping[UUID, int],
    *,
    sequence: int | None = None,
    taken: Mapping[UUID, int] | None = None,
    claim: Claim | None = None,
) -> Posted:
    """Earn 1 point at the bakery, and bonuses of campaigns that it funds."""
    today = local_date(hands.now, zone=PROGRAMME_ZONE)
    own = Grant(
        issuer_id=hands.bakery,
        terms_id=hands.bakery,
        price=Decimal("950.5"),
        points=1,
        base=1000,
        active_from=today,
        expires_on=today + timedelta(days=365),
        line=0,
    )
    with hands.database.ledger() as connection:
        return operations.earn(
            connection,
            now=hands.now,
            claim=claim or hands.claim(),
            member_id=member_id,
            event=hands.event(hands.bakery),
            grants=[
                own,
                *(
                    replace(own, campaign_id=campaign_id, points=points)
                    for campaign_id, points in bonuses.items()
                ),
            ],
            explanation=[],
            evidence=None,
            takings=Takings(sequence=sequence, campaigns=bonuses if taken is None else taken),
        )


def books(hands: Hands, campaign_id: UUID) -> tuple[int, int, int, int]:
    """Return what slices, takings, persons and lots say was given."""
    with hands.database.reading() as session:
        row = session.execute(
            text("""
                SELECT (SELECT sum(taken) FROM ledger.campaign_slice WHERE campaign_id = :id),
                       (SELECT sum(points) FROM ledger.campaign_taking WHERE campaign_id = :id),
                       (SELECT sum(points) FROM ledger.campaign_person WHERE campaign_id = :id),
                       (SELECT sum(granted) FROM ledger.lot WHERE campaign_id = :id)
            """),
            {"id": campaign_id},
        ).one()
    return row[0], row[1] or 0, row[2] or 0, row[3] or 0


@contextmanager
def crowd(hands: Hands, urls: DatabaseUrls) -> Iterator[Hands]:
    """Yield hands with a connection for each of 64 threads."""
    database = Database(urls.application, pool_size=CROWD)
    with ThreadPoolExecutor(CROWD) as pool:
        yield replace(hands, database=database, pool=pool)
    database.dispose()


def meet(
    hands: Hands, owner: Database, campaigns: list[UUID], calls: list[Callable[[], object]]
) -> list[object]:
    """Start the calls while every slice is locked; let go once all of them wait for one."""
    with owner.unit_of_work() as session:
        session.execute(
            text("SELECT FROM ledger.campaign_slice WHERE campaign_id = ANY(:ids) FOR UPDATE"),
            {"ids": campaigns},
        )
        running = [hands.start(call) for call in calls]
        hands.until_waiting(len(calls))
    return [future.result(PATIENCE_SECONDS) for future in running]


@pytest.mark.parametrize("left", [325, 330, 7, 640, 1000])
def test_64_purchases_meet_at_the_end_of_a_budget(
    hands: Hands, owner_database: Database, database_urls: DatabaseUrls, left: int
) -> None:
    """Not a point too many is given, and no bonus refused for which there were points."""
    with crowd(hands, database_urls) as many:
        campaign_id = campaign(many, left, slices=16 if left > 16 else 7)
        members = [many.wallet() for _ in range(CROWD)]
        calls = [partial(earn, many, member, {campaign_id: BONUS}) for member in members]
        outcomes = meet(many, owner_database, [campaign_id], [*calls])
        counted = Counter("posted" if isinstance(out, Posted) else out for out in outcomes)
        fit = min(CROWD, left // BONUS)
        assert counted == Counter(posted=fit, campaign_exhausted=CROWD - fit)
        assert books(many, campaign_id) == (fit * BONUS,) * 4
        # What is left still serves whoever needs no more.
        rest = left - fit * BONUS
        if rest:
            earn(many, members[0], {campaign_id: rest})
            assert books(many, campaign_id)[0] == fit * BONUS + rest
        assert attempt(partial(earn, many, many.wallet(), {campaign_id: 1})) == (
            "campaign_exhausted"
        )


def test_crowds_at_two_budgets_never_wait_in_a_circle(
    hands: Hands, owner_database: Database, database_urls: DatabaseUrls
) -> None:
    with crowd(hands, database_urls) as many:
        first, second = campaign(many, 160, slices=16), campaign(many, 200, slices=20)
        calls = [
            partial(earn, many, many.wallet(), dict(pair))
            for number in range(CROWD)
            for pair in [[(first, 7), (second, 9)] if number % 2 else [(second, 9), (first, 7)]]
        ]
        outcomes = meet(many, owner_database, [first, second], [*calls])
        counted = Counter("posted" if isinstance(out, Posted) else out for out in outcomes)
        assert counted == Counter(posted=22, campaign_exhausted=CROWD - 22)
        assert books(many, first) == (22 * 7,) * 4
        assert books(many, second) == (22 * 9,) * 4


def test_a_slice_that_is_locked_is_passed_over(hands: Hands, owner_database: Database) -> None:
    campaign_id = campaign(hands, 160)
    with owner_database.unit_of_work() as session:
        session.execute(
            text(
                "SELECT FROM ledger.campaign_slice WHERE campaign_id = :id AND slice < 15 "
                "FOR UPDATE"
            ),
            {"id": campaign_id},
        )
        earn(hands, hands.wallet(), {campaign_id: 6})
        earn(hands, hands.wallet(), {campaign_id: 4})
    with hands.database.reading() as session:
        found = session.execute(
            text("SELECT slice, taken FROM ledger.campaign_slice WHERE taken > 0")
        ).all()
    assert [tuple(row) for row in found] == [(15, 10)]


def test_free_slices_make_up_a_bonus_together(hands: Hands) -> None:
    campaign_id = campaign(hands, 160)
    member_id = hands.wallet()
    earn(hands, member_id, {campaign_id: 35})
    with hands.database.reading() as session:
        taken = session.scalars(text("SELECT points FROM ledger.campaign_taking")).all()
    assert sorted(taken) == [5, 10, 10, 10]
    assert books(hands, campaign_id) == (35,) * 4


def test_a_history_that_moved_makes_a_price_stale(hands: Hands) -> None:
    campaign_id = campaign(hands, 1000, cap=15)
    member_id = hands.wallet()
    earn(hands, member_id, {campaign_id: 10}, sequence=0)
    assert attempt(partial(earn, hands, member_id, {campaign_id: 5}, sequence=0)) == "stale"
    earn(hands, member_id, {campaign_id: 5}, sequence=1)
    # The cap is counted under the lock, whatever the price believed.
    assert attempt(partial(earn, hands, member_id, {campaign_id: 1})) == "stale"
    assert attempt(partial(earn, hands, member_id, {campaign_id: 1}, sequence=2)) == "stale"
    assert books(hands, campaign_id) == (15,) * 4
    assert (hands.view(member_id).available, hands.view(member_id).sequence) == (17, 2)


def test_one_person_at_many_tills_never_has_more_than_the_cap(hands: Hands) -> None:
    """Each till prices from the same history: one is right, the others price again."""
    campaign_id = campaign(hands, 1000, cap=15)
    member_id = hands.wallet()
    call = partial(earn, hands, member_id, {campaign_id: 10}, sequence=0)
    outcomes = hands.meet(member_id, *[call] * 16)
    assert Counter("posted" if isinstance(out, Posted) else out for out in outcomes) == Counter(
        posted=1, stale=15
    )


def test_a_replay_is_answered_although_the_history_moved(hands: Hands) -> None:
    campaign_id = campaign(hands, 10, slices=1)
    member_id, claim = hands.wallet(), hands.claim("once")
    first = earn(hands, member_id, {campaign_id: 10}, sequence=0, claim=claim)
    again = earn(hands, member_id, {campaign_id: 10}, sequence=0, claim=claim)
    assert (again.replayed, again.result) == (True, first.result)
    assert books(hands, campaign_id) == (10,) * 4


def test_a_paused_campaign_gives_nothing_until_it_runs_on(hands: Hands) -> None:
    campaign_id = campaign(hands, 100)
    member_id = hands.wallet()
    for running, outcome in ((False, "campaign_paused"), (True, "posted")):
        with hands.database.ledger() as connection:
            operations_campaigns.run_campaign(connection, campaign_id=campaign_id, running=running)
        found = attempt(partial(earn, hands, member_id, {campaign_id: 10}))
        assert ("posted" if isinstance(found, Posted) else found) == outcome
    assert attempt(partial(earn, hands, member_id, {uuid7(): 10})) == "campaign_paused"
    assert hands.view(member_id).available == 11


def test_grants_and_takings_come_to_the_same(hands: Hands) -> None:
    campaign_id = campaign(hands, 100)
    for taken in ({}, {campaign_id: 9}, {campaign_id: 10, uuid7(): 1}):
        with pytest.raises(LedgerInvariantError, match="is granted"):
            earn(hands, hands.wallet(), {campaign_id: 10}, taken=taken)
    assert books(hands, campaign_id) == (0,) * 4


def test_a_refund_does_not_refill_a_budget(hands: Hands) -> None:
    campaign_id = campaign(hands, 10, slices=1, cap=10)
    member_id = hands.wallet()
    earned = earn(hands, member_id, {campaign_id: 10})
    with hands.database.ledger() as connection:
        operations.refund_earn(
            connection,
            now=hands.now,
            claim=hands.claim(),
            member_id=member_id,
            original=earned.sequence,
            event=hands.event(hands.bakery),
            amount=1000,
            lines=None,
            evidence=None,
        )
    assert hands.view(member_id).available == 0
    assert books(hands, campaign_id) == (10,) * 4
    other = hands.wallet()
    assert attempt(partial(earn, hands, other, {campaign_id: 1})) == "campaign_exhausted"
