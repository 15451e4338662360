"""The night's expiry killed midway and run again comes to the same total."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from config.services.postgres import APPLICATION, OWNER
from network.database.connection import Database, DatabaseUnavailableError
from network.ledger import operations
from network.ledger.operations_batch import expire_due
from tests.faults.calls import Call
from tests.faults.conftest import Victim, await_condition
from tests.faults.load import waiting_for_a_lock
from tests.integration.ledger_audit.history import FIRST, noon

WALLETS = 60
LIMIT = 7
NIGHT = noon(FIRST + timedelta(days=90))
_EXPIRED = text(
    "SELECT coalesce(sum(points), 0)::bigint, count(*) FROM ledger.movement WHERE target = 'expiry'"
)


def expired(database: Database) -> tuple[int, int]:
    """Return the points that have expired, and in how many postings."""
    with database.reading() as session:
        points, postings = session.execute(_EXPIRED).one()
    return points, postings


def run(database: Database) -> None:
    """Expire what is due, a few wallets at a time."""
    with database.ledger() as connection:
        while expire_due(connection, now=NIGHT, limit=LIMIT):
            pass


def test_expiry_killed_midway_and_rerun_comes_to_the_same_total(victim: Victim) -> None:
    name = victim.fresh_database()
    members = [UUID(int=1000 + number) for number in range(WALLETS)]
    database = Database(victim.postgres.url(APPLICATION, database=name), pool_size=3)
    total = 0
    for number, member in enumerate(members):
        with database.ledger() as connection:
            operations.open_wallet(connection, member_id=member)
        Call(kind="earn", member=member, key=f"e{number}", points=10 + number).make(database)
        total += 10 + number

    # One wallet's lock stops the run in the middle of a batch, after others have committed.
    url = victim.postgres.url(OWNER, database=name).replace("+psycopg", "")
    with ThreadPoolExecutor(1) as pool, closing(psycopg.connect(url)) as blocker:
        blocker.execute(
            "SELECT FROM ledger.wallet WHERE member_id = %s FOR UPDATE", [members[WALLETS // 2]]
        )
        killed = pool.submit(run, database)
        await_condition(lambda: expired(database)[1] > 0 and waiting_for_a_lock(victim, name))
        victim.kill()
        with pytest.raises(DatabaseUnavailableError):
            killed.result()

    victim.restart()
    before = expired(database)
    assert 0 < before[1] < WALLETS
    assert before[1] % LIMIT == 0, "a batch was kept in part"
    run(database)
    assert expired(database) == (total, WALLETS)
    run(database)
    assert expired(database) == (total, WALLETS)
    database.dispose()
    assert victim.differences(name) == []
