"""Refunds by amount of one redemption: which wallet they lock, and what they add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import partial

from sqlalchemy import text

from network.database.connection import Database
from network.ids import EntryKey
from network.ledger import operations
from network.ledger.values import Posted
from network.programme.giving_back import points_for_refund
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
        return operations.refund_redeem(
            session,
            now=hands.now,
            claim=hands.claim(),
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
