"""What a person has had of a campaign, through joining and leaving on different days."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from network.ledger.day import close_day
from network.ledger.operations_members import join_pool, leave_pool
from tests.integration.ledger.conftest import Hands
from tests.integration.ledger.test_campaigns import campaign, earn
from tests.scenarios.ledger.stand import faults_in_figures

_COUNTED = text(
    "SELECT points, day_points, brought, brought_day, day - :first"
    " FROM ledger.campaign_person WHERE member_id = :member"
)


def test_a_familys_last_day_counts_for_who_leaves_it_and_the_audit_agrees(hands: Hands) -> None:
    """Who brings nothing more in points may still bring a later day."""
    spring = campaign(hands, 1000, cap=20)
    person, other, family = hands.wallet(), hands.wallet(), hands.wallet()
    earn(hands, other, {spring: 15})
    _join(hands, other, family)
    earn(hands, person, {spring: 20})
    tomorrow = replace(hands, now=hands.now + timedelta(days=1))
    first = close_day(hands.database, now=tomorrow.now)
    earn(tomorrow, family, {spring: 5})
    _join(tomorrow, person, family)
    with hands.database.ledger() as connection:
        leave_pool(
            connection,
            now=tomorrow.now,
            wall=tomorrow.now,
            claim=tomorrow.claim(),
            member_id=person,
            pool=family,
            points=1,
        )
        counted = connection.execute(_COUNTED, {"member": person, "first": first}).one()
        assert tuple(counted) == (20, 5, 0, 5, 1)
    assert faults_in_figures(hands.database) == []


def _join(hands: Hands, member_id: UUID, family: UUID) -> None:
    with hands.database.ledger() as connection:
        join_pool(
            connection,
            now=hands.now,
            wall=hands.now,
            claim=hands.claim(),
            member_id=member_id,
            pool=family,
        )
