"""The outbox: in order, nothing passed over, one runner."""

from __future__ import annotations

from uuid import UUID

import pytest

from network.database.connection import Database
from network.events.service import mark_dispatched, publish, take_waiting
from tests.fixtures.horizon import await_outbox

MEMBER = UUID(int=7)


def readable(database: Database) -> list[str]:
    await_outbox(database)
    return topics(database)


def publish_one(database: Database, topic: str) -> UUID:
    with database.unit_of_work() as session:
        return publish(session, topic=topic, payload={"sequence": 1}, member_id=MEMBER)


def publish_and_fail(database: Database) -> None:
    with database.unit_of_work() as session:
        publish(session, topic="gone", payload={})
        raise ZeroDivisionError


def topics(database: Database) -> list[str]:
    with database.unit_of_work() as session:
        return [event.topic for event in take_waiting(session, limit=10)]


def test_events_are_taken_in_order_until_they_are_marked(database: Database) -> None:
    ids = [publish_one(database, topic) for topic in ("first", "second", "third")]
    await_outbox(database)
    with database.unit_of_work() as session:
        taken = take_waiting(session, limit=2)
        mark_dispatched(session, event_ids=[event.event_id for event in taken])
    assert [event.event_id for event in taken] == ids[:2]
    assert (taken[0].payload, taken[0].member_id, taken[0].merchant_id) == (
        {"sequence": 1},
        MEMBER,
        None,
    )
    assert readable(database) == ["third"]


def test_a_rolled_back_event_never_was(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        publish_and_fail(database)
    assert topics(database) == []


def test_nothing_that_commits_late_is_passed_over(database: Database) -> None:
    with database.unit_of_work() as slow:
        publish(slow, topic="slow", payload={})
        publish_one(database, "quick")
        assert topics(database) == []
    assert readable(database) == ["slow", "quick"]


def test_a_second_runner_waits_for_its_turn(database: Database) -> None:
    publish_one(database, "only")
    await_outbox(database)
    with database.unit_of_work() as session:
        assert [event.topic for event in take_waiting(session, limit=10)] == ["only"]
        assert topics(database) == []
    assert readable(database) == ["only"]


def test_marking_nothing_changes_nothing(database: Database) -> None:
    publish_one(database, "kept")
    with database.unit_of_work() as session:
        mark_dispatched(session, event_ids=[])
    assert readable(database) == ["kept"]
