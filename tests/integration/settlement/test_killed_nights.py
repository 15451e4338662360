"""A night killed at each of its steps, and started again, comes to the same bytes.

The test locks what a step needs next, so that the runner waits in that step, and kills the
process for good (SIGKILL) when its stored step says that it is there.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from network.database.connection import Database
from network.ids import EntryIds
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from tests.conftest import MASTER_KEY, DatabaseUrls
from tests.fixtures.cluster import Cluster
from tests.fixtures.programme import Programme
from tests.integration.settlement.coalition import (
    DAY,
    IBANS,
    NEXT_DAY,
    THIRD_DAY,
    Coalition,
)
from tests.integration.settlement.pictures import documents, facts, run_row, settle

ROOT = Path(__file__).parents[3]
PROGRAM = """
import os, sys
from datetime import date
from network.services import Services
from network.settings import Settings
from settlement.nightly import run_night
services = Services.from_settings(Settings.from_environment(os.environ), application_name="killed")
run_night(services, business_date=date.fromisoformat(sys.argv[1]), started_by="killed")
"""

WAITS: dict[str, str] = {
    "close": "SELECT FROM ledger.business_day FOR UPDATE",
    "seal": "LOCK TABLE ledger.seal IN SHARE MODE",
    "prove": "LOCK TABLE network.points_proof IN ACCESS EXCLUSIVE MODE",
    "mature": "LOCK TABLE ledger.hold IN ACCESS EXCLUSIVE MODE",
    "obligations": "LOCK TABLE network.obligation IN SHARE MODE",
    "positions": "LOCK TABLE network.net_position IN SHARE MODE",
    "statements": "LOCK TABLE network.statement IN ACCESS EXCLUSIVE MODE",
    "publish": "LOCK TABLE network.statement IN SHARE MODE",
    "pay": "LOCK TABLE network.payment IN SHARE MODE",
    "direct": "LOCK TABLE network.direct_payment IN SHARE MODE",
}
"""By step, a lock that keeps a runner in it (or in the write that ends the step before).

Paying is the second half of publishing, in the same transaction: through the network first, then
what merchants pay each other.
"""


@pytest.fixture
def played(owner_database: Database, programme: Programme, vault: Vault) -> Coalition:
    """Return the coalition on the third day, after two days of redemptions, paying directly."""
    coalition = Coalition(owner=owner_database, programme=programme, accounts=IBANS)
    coalition.found(vault=vault)
    coalition.pay_directly(since=DAY)
    coalition.play_two_days()
    coalition.programme.move(coalition.at(THIRD_DAY))
    return coalition


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster) -> tuple[object, ...]:
    """Return what the same two days look like on a database where nothing was killed."""
    with cluster.fresh_database() as name:
        owner = Database(cluster.url("peyvand_owner", database=name))
        database = Database(cluster.url("peyvand", database=name))
        vault = Vault(MASTER_KEY)
        services = Services(
            settings=Settings(
                database_url=cluster.url("peyvand", database=name),
                redis_url="",
                master_key=MASTER_KEY,
            ),
            database=database,
            vault=vault,
            entry_ids=EntryIds(vault),
        )
        programme = Programme(database=database, owner=owner)
        coalition = Coalition(owner=owner, programme=programme, accounts=IBANS)
        coalition.found(vault=vault)
        coalition.pay_directly(since=DAY)
        coalition.play_two_days()
        programme.move(coalition.at(THIRD_DAY))
        settle(services, NEXT_DAY)
        found = picture(services)
        owner.dispose()
        database.dispose()
    return found


@contextmanager
def held(owner: Database, lock: str) -> Iterator[None]:
    """Hold a lock for the block."""
    with owner.engine.connect() as connection, connection.begin():
        connection.execute(text(lock))
        yield


def start(urls: DatabaseUrls, redis_url: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DATABASE_URL": urls.application,
        "REDIS_URL": redis_url,
        "PEYVAND_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, NEXT_DAY.isoformat()], cwd=ROOT, env=environment
    )


def until(
    condition: Callable[[], bool], process: subprocess.Popen[bytes], *, seconds: float = 200.0
) -> None:
    """Poll a condition until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the night ended before it was killed"
        assert time.monotonic() < end, "the night never came to its step"
        time.sleep(0.005)


def waiting(owner: Database) -> bool:
    """Return whether a session on this database waits for a lock."""
    with owner.reading() as session:
        found: bool = session.execute(
            text("""
                SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid IN (
                    SELECT pid FROM pg_locks WHERE database = (
                        SELECT oid FROM pg_database WHERE datname = current_database())))
            """)
        ).scalar_one()
    return found


@pytest.mark.parametrize("step", list(WAITS))
def test_a_night_killed_at_a_step_is_finished_by_the_next(
    step: str,
    services: Services,
    played: Coalition,
    owner_database: Database,
    database_urls: DatabaseUrls,
    redis_url: str,
    undisturbed: tuple[object, ...],
) -> None:
    with held(owner_database, WAITS[step]):
        process = start(database_urls, redis_url)
        try:
            until(lambda: waiting(owner_database), process)
            assert run_row(owner_database, DAY)["state"] == "running"
            stored = "publish" if step in {"pay", "direct"} else step
            assert run_row(owner_database, DAY)["step"] in {stored, _before(stored)}
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    result = settle(services, NEXT_DAY)
    assert result.earlier == (DAY,)
    assert picture(services) == undisturbed


def _before(step: str) -> str:
    names = ["close", *WAITS]
    return names[names.index(step, 1) - 1]


_JWS = re.compile(r"eyJ[\w-]+\.([\w-]+)\.[\w-]+")


def picture(services: Services) -> tuple[object, ...]:
    """Return what a night leaves, alike for every network: of what is signed only what it says."""
    found = facts(services.database)
    return (
        found | {"statement": [_JWS.sub(r"\1", each) for each in found["statement"]]},
        *(
            _JWS.sub(r"\1", documents(services, day)[code][1].decode())
            for day, code in ((DAY, "baker"), (NEXT_DAY, "grocer"))
        ),
    )
