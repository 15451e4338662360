"""Nobody makes a real installation believe in another time, whatever the application is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from network.clock import wall_now
from network.database.connection import Database
from network.ledger import operations, operations_batch, queries
from network.ledger.day import close_day
from network.ledger.errors import ClockAheadError
from tests.integration.ledger.conftest import Hands


def test_neither_days_nor_points_end_before_the_server_s_clock_says_so(real: Hands) -> None:
    member_id = real.wallet()
    real.earn(member_id, 100, now=wall_now(), days=30)
    before = real.view(member_id)
    with real.database.reading() as session:
        open_day = queries.open_day(session)
    soon, far = wall_now() + timedelta(days=3), wall_now() + timedelta(days=400)

    def flips(now: datetime) -> object:
        with real.database.ledger() as connection:
            return operations.flip_day(connection, now=now)

    def expires(now: datetime) -> object:
        with real.database.ledger() as connection:
            return operations_batch.expire_due(connection, now=now, limit=10)

    def matures(now: datetime) -> object:
        with real.database.ledger() as connection:
            return operations.mature(connection, now=now, wall=now, member_id=member_id)

    attempts: tuple[Callable[[datetime], object], ...] = (
        flips,
        expires,
        matures,
        lambda now: close_day(real.database, now=now),
        lambda now: real.earn(member_id, 1, now=now),
        lambda now: real.redeem(member_id, 1, now=now),
    )
    for attempt in attempts:
        for moment in (soon, far):
            with pytest.raises(ClockAheadError) as caught:
                attempt(moment)
            assert set(caught.value.facts) == {"now", "server"}
    with real.database.reading() as session:
        assert queries.open_day(session) == open_day
    assert real.view(member_id) == before


def test_a_clock_that_is_a_minute_ahead_is_let_be(real: Hands) -> None:
    member_id = real.wallet()
    soon = wall_now() + timedelta(minutes=1)
    hands = replace(real, now=soon)
    assert hands.earn(member_id, 7).result["balance"]["available"] == 7
    assert hands.redeem(member_id, 7).result["balance"]["available"] == 0


def test_no_hold_ends_by_a_caller_s_word(real: Hands) -> None:
    hands = replace(real, now=wall_now())
    member_id = hands.wallet()
    hands.earn(member_id, 100, days=30)
    held = hands.authorise(member_id, 40)
    before = hands.view(member_id)
    far = hands.now + timedelta(days=400)
    with hands.database.ledger() as connection:
        with pytest.raises(ClockAheadError):
            operations.mature(connection, now=hands.now, wall=far, member_id=member_id)
        with pytest.raises(ClockAheadError):
            replace(hands, now=far).void(member_id, held.sequence)
    assert hands.view(member_id) == before


_TOMORROW_BEGINS_NOW = text("""
    CREATE OR REPLACE FUNCTION ledger.programme_date(p_moment timestamptz) RETURNS date
    LANGUAGE plpgsql AS $$
    BEGIN
        RETURN (SELECT d.business_date FROM ledger.business_day AS d WHERE d.flipped_at IS NULL)
            + CASE WHEN p_moment > clock_timestamp() THEN 1 ELSE 0 END;
    END
    $$
""")


def test_no_day_and_no_points_end_minutes_too_early(real: Hands, owner_database: Database) -> None:
    real.earn(real.wallet(), 100, now=wall_now(), days=30)
    minutes_ahead = {"now": wall_now() + timedelta(minutes=4)}
    with owner_database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(
            text(
                "UPDATE ledger.wallet SET due_on = (SELECT business_date + 1"
                " FROM ledger.business_day WHERE flipped_at IS NULL)"
            )
        )
        connection.execute(_TOMORROW_BEGINS_NOW)
        expire, flip = (
            text("SELECT ledger.expire_due(:now, 10)"),
            text("SELECT ledger.flip_day(:now)"),
        )
        assert connection.scalar(expire, minutes_ahead) == 0
        assert connection.scalar(flip, minutes_ahead) is None
        connection.execute(text("UPDATE network.installation SET artificial_clock = true"))
        assert connection.scalar(expire, minutes_ahead) == 1
        assert connection.scalar(flip, minutes_ahead) is not None
        transaction.rollback()


@pytest.mark.parametrize("column", ["artificial_clock", "simulated", "only_row"])
def test_the_application_cannot_declare_the_clock_artificial(real: Hands, column: str) -> None:
    with real.database.ledger() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text(f"UPDATE network.installation SET {column} = true"))
    assert getattr(caught.value.orig, "sqlstate", None) == "42501"
