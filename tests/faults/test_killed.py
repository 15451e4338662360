"""Processes killed at the worst moment: nothing acknowledged is lost, nothing posts twice."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from config.services.postgres import APPLICATION
from network.database.connection import Database, DatabaseUnavailableError
from network.ledger.errors import CodeUsed
from tests.faults.calls import Call
from tests.faults.conftest import Victim, await_condition
from tests.faults.load import (
    THREADS,
    Load,
    endow,
    entries,
    opened,
    prove,
    waiting_for_a_lock,
    wallet_locked,
)
from tests.faults.withholding import WithholdingLine
from tests.integration.ledger_audit.history import SPENDER

ROOT = Path(__file__).parents[2]
ENOUGH = 150


def test_server_killed_under_load_loses_and_doubles_nothing(victim: Victim) -> None:
    name = victim.fresh_database()
    with opened(victim, name) as database, ThreadPoolExecutor(THREADS) as pool:
        endow(database)
        load = Load(database)
        running = [pool.submit(load.run, thread) for thread in range(THREADS)]
        await_condition(lambda: len(load.acknowledged) >= ENOUGH)
        victim.kill()
        for thread in running:
            thread.result()
    assert len(load.unanswered) == THREADS

    victim.restart()
    with opened(victim, name) as database:
        prove(database, [load])
    assert victim.differences(name) == []


def test_client_killed_before_its_answer_finds_it_when_it_asks_again(victim: Victim) -> None:
    name = victim.fresh_database()
    with opened(victim, name) as database:
        Call(kind="earn", member=SPENDER, key="first", points=600).make(database)
        call = Call(kind="redeem", member=SPENDER, key="lost", points=7, code="code")
        url = victim.postgres.url(APPLICATION, database=name)
        with wallet_locked(victim, name):
            client = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.faults.calls", url, call.kind),
                    *(str(call.member), call.key, str(call.points), call.code),
                ],
                cwd=ROOT,
            )
            await_condition(lambda: waiting_for_a_lock(victim, name))
            client.kill()
            client.wait()
        await_condition(lambda: entries(database, SPENDER) == 2)
        again = call.make(database)
        assert again.replayed
        assert again.result["balance"]["available"] == 593
        assert entries(database, SPENDER) == 2
    assert victim.differences(name) == []


def test_server_killed_before_the_commit_then_the_retry_posts_once(victim: Victim) -> None:
    name = victim.fresh_database()
    call = Call(kind="redeem", member=SPENDER, key="lost", points=7, code="code")
    with opened(victim, name) as database, ThreadPoolExecutor(1) as pool:
        Call(kind="earn", member=SPENDER, key="first", points=600).make(database)
        with wallet_locked(victim, name):
            lost = pool.submit(call.make, database)
            await_condition(lambda: waiting_for_a_lock(victim, name))
            victim.kill()
        with pytest.raises(DatabaseUnavailableError):
            lost.result()

    victim.restart()
    with opened(victim, name) as database:
        assert entries(database, SPENDER) == 1
        once, again = call.make(database), call.make(database)
        assert (once.replayed, again.replayed) == (False, True)
        assert entries(database, SPENDER) == 2
    assert victim.differences(name) == []


def test_server_killed_after_the_commit_then_the_retry_replays_with_its_used_code(
    victim: Victim,
) -> None:
    name = victim.fresh_database()
    call = Call(kind="redeem", member=SPENDER, key="lost", points=7, code="code")
    line_directory = Path(tempfile.mkdtemp(prefix="pv-line-"))
    line = WithholdingLine(directory=line_directory, behind=victim.postgres.sockets)
    url = victim.postgres.url(APPLICATION, database=name)
    sockets = quote(str(victim.postgres.sockets), safe="/")
    behind_the_line = Database(url.replace(sockets, quote(str(line_directory), safe="/")))
    ready, asked = threading.Event(), threading.Event()

    def ask() -> None:
        with behind_the_line.ledger() as connection:
            connection.execute(text("SELECT 1"))
            ready.set()
            asked.wait()
            call.post(connection)

    with opened(victim, name) as database, ThreadPoolExecutor(1) as pool:
        Call(kind="earn", member=SPENDER, key="first", points=600).make(database)
        lost = pool.submit(ask)
        assert ready.wait(timeout=200)
        line.withholding.set()
        asked.set()
        await_condition(lambda: entries(database, SPENDER) == 2)
        assert not lost.done()
        victim.kill()
        with pytest.raises(DatabaseUnavailableError):
            lost.result()
    behind_the_line.dispose()
    line.close()

    victim.restart()
    with opened(victim, name) as database:
        again = call.make(database)
        assert again.replayed
        assert again.result["balance"]["available"] == 593
        with pytest.raises(CodeUsed):
            Call(kind="redeem", member=SPENDER, key="other", points=7, code="code").make(database)
        assert entries(database, SPENDER) == 2
    assert victim.differences(name) == []
