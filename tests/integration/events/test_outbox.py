"""The outbox: in order, nothing passed over, nothing held up, one runner."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import TextClause, text

from network.database.connection import Database
from network.events.reading import Place
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


FOR_EVER = 1e9


def look(database: Database, place: Place) -> list[str]:
    """Take what a runner finds from its place, remove it, and return its topics."""
    with database.unit_of_work() as session:
        taken = take_waiting(session, limit=10, place=place)
        remove_dispatched(session, event_ids=[event.event_id for event in taken])
    return [event.topic for event in taken]


def settle(database: Database, place: Place) -> int:
    """Hand an event on and look until the place is past it; return the place."""
    number = publish_one(database, "first")
    assert look(database, place) == ["first"]
    until = time.monotonic() + PATIENCE_SECONDS
    while place.after < number and time.monotonic() < until:  # others' transactions are under way
        assert look(database, place) == []
    assert place.after >= number
    return place.after


def test_a_runner_reads_on_from_its_place_and_keeps_the_order(database: Database) -> None:
    place = Place(full_look_seconds=FOR_EVER)
    began = settle(database, place)
    with database.unit_of_work() as slow:
        publish(slow, topic="slow", payload={})
        publish_one(database, "quick")
        assert look(database, place) == ["quick"]
        assert [look(database, place) for _ in range(3)] == [[], [], []]
        assert place.after == began  # somebody may still write below what was removed
    publish_one(database, "follows slow")
    assert look(database, place) == ["slow", "follows slow"]
    assert settle(database, place) > began


def test_what_is_not_removed_is_found_again(database: Database) -> None:
    place = Place(full_look_seconds=FOR_EVER)
    settle(database, place)
    publish_one(database, "kept")
    for _ in range(3):
        with database.unit_of_work() as session:
            (event,) = take_waiting(session, limit=10, place=place)
            assert event.topic == "kept"


def test_a_look_from_the_start_finds_what_should_not_be_there(
    database: Database, owner_database: Database
) -> None:
    place, thorough = Place(full_look_seconds=FOR_EVER), Place(full_look_seconds=0)
    settle(database, place)
    settle(database, thorough)
    with owner_database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO network.outbox (event_id, topic) OVERRIDING SYSTEM VALUE "
                "VALUES (1, 'restored')"
            )
        )
    assert look(database, place) == []
    assert look(database, thorough) == ["restored"]


def blocks_of_a_look(database: Database, place: Place) -> int:
    """Return how many blocks of the outbox and its key a look reads that finds nothing."""
    count = text(
        "SELECT sum(pg_stat_get_xact_blocks_fetched(CAST(name AS regclass))) "
        "FROM unnest(ARRAY['network.outbox', 'network.pk_outbox']) AS name"
    )
    with database.unit_of_work() as session:
        before = session.execute(count).scalar_one() or 0
        assert take_waiting(session, limit=10, place=place) == []
        return int(session.execute(count).scalar_one() - before)


def test_what_an_open_snapshot_keeps_is_not_walked_at_each_look(database: Database) -> None:
    fill = text("INSERT INTO network.outbox (topic) SELECT 'old' FROM generate_series(1, 20000)")
    place = Place(full_look_seconds=FOR_EVER)
    with database.unit_of_work() as session:
        session.execute(fill)
    with database.snapshot() as backup:
        backup.execute(text("SELECT count(*) FROM network.outbox")).one()
        with database.unit_of_work() as session:
            taken = take_waiting(session, limit=20_000, place=place)
            remove_dispatched(session, event_ids=[event.event_id for event in taken])
        settle(database, place)
        from_its_place = blocks_of_a_look(database, place)
        from_the_start = blocks_of_a_look(database, Place())
    assert from_its_place < 20
    assert from_the_start > 200
