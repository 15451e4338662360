"""Refunds by amount of one redemption: which wallet they lock, and what they add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clock import local_date
from network.database.connection import Database
from network.ids import EntryKey
from network.ledger import operations, queries, refunds
from network.ledger.errors import TooManyRefunds, UnknownOriginal
from network.ledger.values import Claim, Posted
from network.programme.giving_back import points_for_refund
from network.settings import PROGRAMME_ZONE
from tests.integration.ledger.conftest import PATIENCE_SECONDS, Hands
from tests.integration.ledger.test_two_wallets import pool

_FREE = text("SELECT member_id FROM ledger.wallet WHERE member_id = :id FOR UPDATE SKIP LOCKED")


def _value(_day: date) -> Fraction:
    return Fraction(1000)


def _refund(hands: Hands, redemption: EntryKey, amount: int) -> Posted:
    """Refund an amount as tills and batches do, in one transaction."""
    with hands.database.unit_of_work() as session:
        points = points_for_refund(
            session, redemption=redemption, amount=amount, now=hands.now, face_value=_value
        )
        return _post(hands, session, redemption, points=points, amount=amount)


def _post(
    hands: Hands,
    session: Session,
    redemption: EntryKey,
    *,
    points: int,
    amount: int | None,
    claim: Claim | None = None,
) -> Posted:
    return operations.refund_redeem(
        session,
        now=hands.now,
        claim=claim or hands.claim(),
        member_id=redemption.member_id,
        original=redemption.sequence,
        event=replace(hands.event(hands.cinema), amount=amount),
        points=points,
        grace_days=operations.GRACE_DAYS,
        evidence=None,
    )


def _paid(hands: Hands, points: int) -> EntryKey:
    member_id = hands.wallet()
    hands.earn(member_id, 2 * points)
    return EntryKey(member_id, hands.redeem(member_id, points).sequence)


def test_what_was_paid_before_a_join_is_given_back_under_the_lock_of_its_own_wallet(
    hands: Hands, owner_database: Database
) -> None:
    """The shared wallet's id is the greater one: who holds it may not wait for the person's."""
    paid, shared = _paid(hands, 30), hands.wallet(shared=True)
    pool(hands, paid.member_id, shared, points=None)
    refund = partial(_refund, hands, paid, 1100)
    with owner_database.unit_of_work() as session:
        assert session.scalars(_FREE, {"id": paid.member_id}).all() == [paid.member_id]
        running = [hands.start(refund) for _ in range(2)]
        hands.until_waiting(2)
        with owner_database.unit_of_work() as other:
            assert other.scalars(_FREE, {"id": shared}).all() == [shared]
    given = [each.result(PATIENCE_SECONDS) for each in running]
    assert sorted(each.result["points"] for each in given if isinstance(each, Posted)) == [1, 2]


def test_face_values_are_asked_for_before_the_wallet_is_locked(
    hands: Hands, owner_database: Database
) -> None:
    paid = _paid(hands, 30)

    def value(_day: date) -> Fraction:
        with owner_database.unit_of_work() as session:
            assert session.scalars(_FREE, {"id": paid.member_id}).all() == [paid.member_id]
        return Fraction(1000)

    with hands.database.unit_of_work() as session:
        points = points_for_refund(
            session, redemption=paid, amount=1100, now=hands.now, face_value=value
        )
    assert points == 2


def test_a_redemption_takes_no_more_refunds_by_amount_than_can_be_read(hands: Hands) -> None:
    paid, other = _paid(hands, 30), _paid(hands, 30)
    last = hands.claim()
    with hands.database.unit_of_work() as session:
        _post(hands, session, paid, points=2, amount=None)
        _post(hands, session, paid, points=3, amount=2100)
        for _ in range(refunds.MOST_REFUNDS - 2):
            _post(hands, session, paid, points=0, amount=1)
        made = _post(hands, session, paid, points=0, amount=1, claim=last)
        found = queries.redemption(session, member_id=paid.member_id, sequence=paid.sequence)
        assert found is not None
        together = refunds.refunded_by_amount(session, redemption=found)
    assert [(each.amount, each.points) for each in together] == [
        (2100 + refunds.MOST_REFUNDS - 1, 3)
    ]
    assert together[0].day == local_date(hands.now, zone=PROGRAMME_ZONE)
    with pytest.raises(TooManyRefunds) as refused:
        _refund(hands, paid, 5000)
    assert refused.value.facts == {"refunds": refunds.MOST_REFUNDS}
    with hands.database.unit_of_work() as session:
        again = _post(hands, session, paid, points=0, amount=1, claim=last)
        assert (again.sequence, again.replayed) == (made.sequence, True)
        assert _post(hands, session, paid, points=25, amount=None).result["points"] == 25
    with hands.database.unit_of_work() as session, pytest.raises(UnknownOriginal):
        _post(hands, session, replace(paid, sequence=1), points=1, amount=1)
    assert _refund(hands, other, 1100).result["points"] == 2
