"""The business day: one is open, it closes without stopping writers, no closed day changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from network.clock import day_start, local_date
from network.database.connection import Database
from network.ledger import operations, queries
from network.ledger.day import WritersLingerError, close_day
from network.ledger.errors import LedgerInvariantError
from network.ledger.partitions import DayAlreadyOpenError, open_first_day
from network.settings import PROGRAMME_ZONE
from tests.integration.ledger.conftest import Hands

WRITERS = 4


def _open_day(hands: Hands) -> object:
    with hands.database.reading() as session:
        return queries.open_day(session)


def test_a_day_closes_at_its_cut_off_and_the_missed_ones_in_order(hands: Hands) -> None:
    today = local_date(hands.now, zone=PROGRAMME_ZONE)
    midnight = day_start(today + timedelta(days=1), zone=PROGRAMME_ZONE)
    assert close_day(hands.database, now=midnight - timedelta(microseconds=1)) is None
    assert close_day(hands.database, now=midnight) == today
    later = midnight + timedelta(days=3)
    closed = []
    while day := close_day(hands.database, now=later):
        closed.append(day)
    assert closed == [today + timedelta(days=n) for n in (1, 2, 3)]
    assert _open_day(hands) == today + timedelta(days=4)
    assert _closed_days(hands) == [today, *closed]


def _closed_days(hands: Hands) -> list[date]:
    with hands.database.reading() as session:
        found = session.scalars(
            text(
                "SELECT business_date FROM ledger.business_day WHERE closed_at IS NOT NULL"
                " ORDER BY business_date"
            )
        )
        return list(found)


def test_a_flip_of_long_ago_makes_its_own_partitions(hands: Hands) -> None:
    member_id = hands.wallet()
    later = hands.now + timedelta(days=40)
    while close_day(hands.database, now=later):
        pass
    assert hands.earn(member_id, 10, now=later).business_date == _open_day(hands)


def test_what_comes_late_posts_today_and_keeps_its_own_moment(hands: Hands) -> None:
    member_id = hands.wallet()
    later = hands.now + timedelta(days=2)
    while close_day(hands.database, now=later):
        pass
    plain = hands.earn(member_id, 50, now=later)
    paid = hands.redeem(member_id, 20, now=later)
    # A wallet with a lot that is due is not plain: the steps post.
    hands.earn(member_id, 1, now=later, days=1)
    later += timedelta(days=1)
    while close_day(hands.database, now=later):
        pass
    stepped = [hands.redeem(member_id, 20, now=later), hands.earn(member_id, 5, now=later)]
    today = _open_day(hands)
    with hands.database.reading() as session:
        for posted in stepped:
            entry = queries.entry(session, member_id=member_id, sequence=posted.sequence)
            assert entry is not None
            assert entry.business_date == posted.business_date == today
            assert (entry.effective_at, entry.recorded_at) == (hands.now, later)
        for posted in (plain, paid):
            entry = queries.entry(session, member_id=member_id, sequence=posted.sequence)
            assert entry is not None
            assert (entry.effective_at, entry.business_date) == (hands.now, posted.business_date)
            assert entry.business_date > local_date(hands.now, zone=PROGRAMME_ZONE)


def test_there_is_one_first_day(hands: Hands, owner_database: Database) -> None:
    with hands.database.unit_of_work() as session, pytest.raises(DayAlreadyOpenError):
        open_first_day(session, business_date=hands.now.date())
    with owner_database.unit_of_work() as session:
        rows = session.execute(
            text("SELECT count(*) FROM ledger.business_day WHERE flipped_at IS NULL")
        )
        assert rows.scalar_one() == 1


def test_the_zone_of_the_functions_is_the_programmes(hands: Hands) -> None:
    moments = [
        datetime(2022, 3, 21, 20, 29, 59, tzinfo=UTC),
        datetime(2022, 3, 21, 20, 30, tzinfo=UTC),
        datetime(2022, 9, 21, 19, 30, tzinfo=UTC),
        datetime(2022, 9, 21, 20, 29, 59, tzinfo=UTC),
        datetime(2026, 11, 22, 20, 30, tzinfo=UTC),
    ]
    with hands.database.ledger() as connection:
        for moment in moments:
            day = connection.execute(
                text("SELECT ledger.programme_date(:moment)"), {"moment": moment}
            ).scalar_one()
            assert day == local_date(moment, zone=PROGRAMME_ZONE)


def test_a_close_waits_for_writers_that_locked_before_the_flip(hands: Hands) -> None:
    member_id = hands.wallet()
    today = local_date(hands.now, zone=PROGRAMME_ZONE)
    midnight = day_start(today + timedelta(days=1), zone=PROGRAMME_ZONE)
    with hands.uncommitted(member_id, 100):
        with pytest.raises(WritersLingerError):
            close_day(hands.database, now=midnight, patience_seconds=0.05)
        assert _closed_days(hands) == []
        other = hands.wallet()
        assert hands.earn(other, 10, now=midnight).business_date == today + timedelta(days=1)
    assert close_day(hands.database, now=midnight) == today
    with hands.database.reading() as session:
        entry = queries.entry(session, member_id=member_id, sequence=1)
    assert entry is not None
    assert entry.business_date == today


def test_a_writer_that_waits_across_the_flip_posts_in_the_new_day(hands: Hands) -> None:
    member_id = hands.wallet()
    today = local_date(hands.now, zone=PROGRAMME_ZONE)
    midnight = day_start(today + timedelta(days=1), zone=PROGRAMME_ZONE)
    with hands.locked(member_id):
        waiting = hands.start(partial(hands.earn, member_id, 100))
        hands.until_waiting(1)
        with hands.database.ledger() as connection:
            assert operations.flip_day(connection, now=midnight) == today
    posted = waiting.result(60)
    assert getattr(posted, "business_date", None) == today + timedelta(days=1)


def test_no_closed_day_changes_under_load(hands: Hands) -> None:
    members = [hands.wallet() for _ in range(WRITERS)]
    stop = threading.Event()

    def write(number: int) -> int:
        posted = 0
        while not stop.is_set():
            hands.earn(members[(number + posted) % WRITERS], 1)
            posted += 1
        return posted

    counted = text("SELECT count(*) FROM ledger.entry WHERE business_date = :day")
    at_close = {}
    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(write, number) for number in range(WRITERS)]
        try:
            for number in range(1, 13):
                day = close_day(hands.database, now=hands.now + timedelta(days=number))
                with hands.database.ledger() as connection:
                    at_close[day] = connection.execute(counted, {"day": day}).scalar_one()
        finally:
            stop.set()
        posted = sum(future.result(60) for future in running)
    with hands.database.ledger() as connection:
        after = {day: connection.execute(counted, {"day": day}).scalar_one() for day in at_close}
        total = connection.execute(text("SELECT count(*) FROM ledger.entry")).scalar_one()
    assert after == at_close
    assert total == posted
    assert sum(at_close.values()) > 0


def test_operations_refuse_an_old_snapshot(hands: Hands) -> None:
    member_id = hands.wallet()
    engine = hands.database.engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, pytest.raises(LedgerInvariantError, match="READ COMM"):
        operations.mature(connection, now=hands.now, wall=hands.now, member_id=member_id)
