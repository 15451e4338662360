"""Tasks beside each other at one snapshot: their order, what they see, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Barrier, Event, Lock

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from network.database.connection import Database
from network.ledger.side_by_side import in_order
from tests.integration.services.helpers import wait_for

PATIENCE_SECONDS = 60


def _nothing(session: Session) -> None:
    """Make no session ready for anything."""


def _look(session: Session, *, meet: Callable[[], object]) -> tuple[int, int]:
    """Return the connection's process and how many keys it sees, once another task is here."""
    meet()
    found = session.execute(
        text("SELECT pg_backend_pid(), (SELECT count(*) FROM ledger.idempotency)")
    ).one()
    return found[0], found[1]


def _claim(database: Database) -> None:
    with database.ledger() as connection:
        connection.execute(text("SELECT ledger.claim_key(gen_random_uuid(), 'k', 'f')"))


def test_tasks_run_beside_each_other_and_see_one_moment(database: Database) -> None:
    meet = partial(Barrier(2).wait, PATIENCE_SECONDS)
    with database.snapshot() as session:
        session.execute(text("SELECT 1"))
        _claim(database)
        tasks = [partial(_look, meet=meet) for _ in range(4)]
        found = list(in_order(session, tasks, helpers=1, prepare=_nothing))
    assert len({pid for pid, _ in found}) == 2
    assert {seen for _, seen in found} == {0}


def test_what_they_return_comes_in_their_order(database: Database) -> None:
    def number(n: int, session: Session) -> int:
        return int(session.execute(text("SELECT CAST(:n AS integer)"), {"n": n}).scalar_one())

    with database.snapshot() as session:
        tasks = [partial(number, n) for n in range(20)]
        found = in_order(session, tasks, helpers=2, prepare=_nothing)
        assert list(found) == [*range(20)]


def test_who_has_written_works_alone(database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        session.execute(text("SELECT ledger.claim_key(gen_random_uuid(), 'k', 'f')"))
        tasks = [partial(_look, meet=_never)] * 3
        found = list(in_order(session, tasks, helpers=2, prepare=_nothing))
    assert len(set(found)) == 1
    assert found[0][1] == 1


def _never() -> None:
    """Wait for nobody."""


def test_a_task_that_fails_ends_the_others(database: Database) -> None:
    sleeping = Event()
    with database.snapshot() as session:

        def fail_or_sleep(mine: Session) -> None:
            if mine is session:
                assert sleeping.wait(PATIENCE_SECONDS)
                raise LookupError("found")
            sleeping.set()
            mine.execute(text("SELECT pg_sleep(3600)"))

        with pytest.raises(LookupError):
            list(in_order(session, [fail_or_sleep] * 2, helpers=1, prepare=_nothing))


def test_a_helper_that_goes_on_is_ended_again(database: Database) -> None:
    sleeping = Event()
    with database.snapshot() as session:

        def fail_or_sleep_twice(mine: Session) -> None:
            if mine is session:
                assert sleeping.wait(PATIENCE_SECONDS)
                raise LookupError("found")
            sleeping.set()
            with pytest.raises(OperationalError):
                mine.execute(text("SELECT pg_sleep(3600)"))
            mine.rollback()
            mine.execute(text("SELECT pg_sleep(3600)"))

        with pytest.raises(LookupError):
            list(in_order(session, [fail_or_sleep_twice] * 2, helpers=1, prepare=_nothing))


def test_a_helper_that_has_gone_is_not_called_back(database: Database) -> None:
    pool, meet, goes = database.engine.pool, Barrier(3), Lock()
    assert isinstance(pool, QueuePool)

    with database.snapshot() as session:

        def each(mine: Session) -> None:
            meet.wait(PATIENCE_SECONDS)
            if mine is session:
                wait_for(lambda: pool.checkedout() == 2)
                raise LookupError("found")
            if not goes.acquire(blocking=False):
                mine.execute(text("SELECT pg_sleep(3600)"))

        with pytest.raises(LookupError):
            list(in_order(session, [each] * 3, helpers=2, prepare=_nothing))
        assert pool.checkedout() == 1


def test_who_is_done_first_waits_for_a_long_task(database: Database) -> None:
    with database.snapshot() as session:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '100ms'"))

        def take_long(mine: Session) -> None:
            meet.wait(PATIENCE_SECONDS)
            if mine is not session:
                mine.execute(text("SELECT pg_sleep(0.5)"))

        meet = Barrier(2)
        assert list(in_order(session, [take_long] * 2, helpers=1, prepare=_nothing)) == [None] * 2
        assert session.execute(text("SELECT 1")).scalar_one() == 1
