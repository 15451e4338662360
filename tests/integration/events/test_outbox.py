"""The outbox: in order, nothing passed over, nothing held up, one runner."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import TextClause, text

from network.database.connection import Database
from network.events.service import publish, remove_dispatched, take_waiting

MEMBER = UUID(int=7)
PATIENCE_SECONDS = 60.0


def publish_one(database: Database, topic: str) -> int:
    with database.unit_of_work() as session:
        return publish(session, topic=topic, payload={"sequence": 1}, member_id=MEMBER)


def publish_and_fail(database: Database) -> None:
    with database.unit_of_work() as session:
        publish(session, topic="gone", payload={})
        raise ZeroDivisionError


def topics(database: Database) -> list[str]:
    with database.unit_of_work() as session:
        return [event.topic for event in take_waiting(session, limit=10)]


def test_events_are_taken_in_order_until_they_are_removed(database: Database) -> None:
    ids = [publish_one(database, topic) for topic in ("first", "second", "third")]
    with database.unit_of_work() as session:
        taken = take_waiting(session, limit=2)
        remove_dispatched(session, event_ids=[event.event_id for event in taken])
    assert [event.event_id for event in taken] == ids[:2]
    assert (taken[0].payload, taken[0].member_id, taken[0].merchant_id) == (
        {"sequence": 1},
        MEMBER,
        None,
    )
    assert topics(database) == ["third"]


def test_a_rolled_back_event_never_was(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        publish_and_fail(database)
    assert topics(database) == []


def hand_on(database: Database) -> list[str]:
    """Take what waits, remove it, and return its topics."""
    with database.unit_of_work() as session:
        taken = take_waiting(session, limit=10)
        remove_dispatched(session, event_ids=[event.event_id for event in taken])
    return [event.topic for event in taken]


def test_a_long_transaction_holds_up_nobody(database: Database) -> None:
    with database.unit_of_work() as night:
        night.execute(text("CREATE TEMP TABLE sums (points bigint) ON COMMIT DROP"))
        publish_one(database, "code")
        assert hand_on(database) == ["code"]


def test_nothing_that_commits_late_is_passed_over(database: Database) -> None:
    with database.unit_of_work() as slow:
        publish(slow, topic="slow", payload={})
        publish_one(database, "quick")
        assert hand_on(database) == ["quick"]
    assert hand_on(database) == ["slow"]
    assert hand_on(database) == []


def test_what_waited_for_another_comes_after_it(database: Database) -> None:
    """The second has its transaction id first, and waits for what the first holds."""
    lock = text("SELECT pg_advisory_xact_lock(1)")
    with ThreadPoolExecutor(max_workers=1) as pool:
        with database.unit_of_work() as first:
            first.execute(lock)
            began = threading.Event()
            second = pool.submit(wait_and_publish, database, lock, began)
            assert began.wait(PATIENCE_SECONDS)
            publish(first, topic="first", payload={})
        second.result(PATIENCE_SECONDS)
    assert topics(database) == ["first", "second"]


def wait_and_publish(database: Database, lock: TextClause, began: threading.Event) -> None:
    with database.unit_of_work() as session:
        session.execute(text("SELECT pg_current_xact_id()"))
        began.set()
        session.execute(lock)
        publish(session, topic="second", payload={})


def test_a_second_runner_waits_for_its_turn(database: Database) -> None:
    publish_one(database, "only")
    with database.unit_of_work() as session:
        assert [event.topic for event in take_waiting(session, limit=10)] == ["only"]
        assert topics(database) == []
    assert topics(database) == ["only"]


def test_removing_nothing_changes_nothing(database: Database) -> None:
    publish_one(database, "kept")
    with database.unit_of_work() as session:
        remove_dispatched(session, event_ids=[])
    assert topics(database) == ["kept"]
