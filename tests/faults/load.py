"""Threads that post until something breaks, and what must hold afterwards."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.services.postgres import APPLICATION, OWNER
from network.database.connection import Database
from network.errors import UnavailableError
from network.ledger.values import Posted
from tests.faults.calls import Call
from tests.faults.conftest import Victim, await_condition
from tests.integration.ledger_audit.history import MEMBERS, SPENDER

THREADS = 6


@contextmanager
def opened(victim: Victim, name: str) -> Iterator[Database]:
    database = Database(victim.postgres.url(APPLICATION, database=name), pool_size=THREADS)
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def wallet_locked(victim: Victim, name: str) -> Iterator[None]:
    """Hold the member's wallet, so that whoever comes next waits in the middle of its call."""
    url = victim.postgres.url(OWNER, database=name).replace("+psycopg", "")
    connection = psycopg.connect(url)
    try:
        connection.execute("SELECT FROM ledger.wallet WHERE member_id = %s FOR UPDATE", [SPENDER])
        yield
    finally:
        connection.close()


def waiting_for_a_lock(victim: Victim, name: str) -> bool:
    with victim.postgres.connect(database=name) as connection:
        found = connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' "
            "AND backend_type = 'client backend'",
            [name],
        )
        return found.fetchone() is not None


def entries(database: Database, member: UUID) -> int:
    with database.reading() as session:
        found: int = session.execute(
            text("SELECT count(*) FROM ledger.entry WHERE member_id = :m"), {"m": member}
        ).scalar_one()
    return found


class Load:
    """Threads that earn and redeem until the server fails them, and what became of each call."""

    def __init__(self, database: Database, *, seed: int = 0) -> None:
        self._database = database
        self._seed = seed
        self.acknowledged: dict[Call, Posted] = {}
        self.unanswered: list[Call] = []

    def run(self, thread: int, *, weight: int = 0) -> None:
        """Post one call after the other; the one that fails is the thread's last."""
        dice = random.Random(self._seed * THREADS + thread)  # noqa: S311 - a seeded mixture
        for number in range(10_000):
            kind = "earn" if number % 3 != 2 else "redeem"
            call = Call(
                kind=kind,
                member=dice.choice(MEMBERS),
                key=f"{self._seed}-{thread}-{number}",
                points=dice.randint(50, 90) if kind == "earn" else dice.randint(1, 9),
                weight=weight,
            )
            try:
                self.acknowledged[call] = call.make(self._database)
            except (UnavailableError, DBAPIError):
                self.unanswered.append(call)
                return


def strike(load: Load, blow: Callable[[], None], *, weight: int = 0) -> None:
    """Let the threads work, deal the blow, and wait until every thread has met it."""
    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(load.run, thread, weight=weight) for thread in range(THREADS)]
        # A server that is starved already may fail all of them before they have done much.
        await_condition(
            lambda: len(load.acknowledged) >= 2 * THREADS or all(each.done() for each in running)
        )
        blow()
        for thread in running:
            thread.result()
    assert len(load.unanswered) == THREADS


def endow(database: Database) -> None:
    """Give every member something to spend."""
    for member in MEMBERS:
        Call(kind="earn", member=member, key=f"first-{member}", points=5_000).make(database)


def prove(database: Database, loads: list[Load]) -> None:
    """Repeat every call: what was acknowledged is there as it was, and nothing posts twice."""
    for load in loads:
        for call, posted in load.acknowledged.items():
            again = call.make(database)
            assert again.replayed
            assert (again.sequence, again.result) == (posted.sequence, posted.result)
        for call in load.unanswered:
            first, second = call.make(database), call.make(database)
            assert second.replayed
            assert first.sequence == second.sequence
    calls = Counter(
        call.member for load in loads for call in [*load.acknowledged, *load.unanswered]
    )
    assert {m: entries(database, m) for m in MEMBERS} == {m: calls[m] + 1 for m in MEMBERS}
