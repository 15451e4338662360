"""Writes that fail, lines that are cut, servers that die again and again: the books stay right.

``PEYVAND_SOAK_ROUNDS`` says how often (``make soak``); without it each is done often enough to
break what is broken.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from config.services.postgres import APPLICATION
from network.database.connection import Database, DatabaseUnavailableError
from tests.faults.calls import Call
from tests.faults.conftest import Victim
from tests.faults.load import Load, endow, entries, opened, prove, strike
from tests.faults.withholding import WithholdingLine
from tests.integration.ledger_audit.history import SPENDER

SOAK_ROUNDS = int(os.environ.get("PEYVAND_SOAK_ROUNDS", "0"))
SEGMENT = 16 * 1024 * 1024
STARVED = 0.3
"""The share of blows that are a full volume; the others are kills."""


def nothing() -> None:
    """Deal no blow: what breaks is on its way."""


def test_a_log_that_cannot_be_written_acknowledges_nothing(victim: Victim) -> None:
    """The server must give up: without its log it could not keep what it promised."""
    name = victim.fresh_database()
    with opened(victim, name) as database:
        endow(database)
    victim.starve_log()
    with opened(victim, name) as database:
        load = Load(database)
        strike(load, nothing)
    assert victim.said("PANIC:  could not write to log file")
    victim.kill()
    victim.restart()
    with opened(victim, name) as database:
        prove(database, [load])
    assert victim.differences(name) == []


def test_a_table_that_cannot_grow_refuses_the_call_whole(victim: Victim) -> None:
    """The server lives on: each call fails by itself and leaves nothing behind."""
    name = victim.fresh_database()
    victim.postgres.stop()
    victim.restart(largest=SEGMENT)
    with opened(victim, name) as database:
        endow(database)
        load = Load(database)
        # Evidence of a megabyte fills its table's file while the log's segments still fit.
        strike(load, nothing, weight=1_000_000)
        assert victim.postgres.running()
        assert victim.said("ERROR:  could not extend file")
        assert entries(database, SPENDER) >= 1
    victim.postgres.stop()
    victim.restart()
    with opened(victim, name) as database:
        prove(database, [load])
    assert victim.differences(name) == []


@pytest.fixture
def line(victim: Victim) -> Iterator[Callable[[], tuple[WithholdingLine, Path]]]:
    lines: list[WithholdingLine] = []

    def lay() -> tuple[WithholdingLine, Path]:
        directory = Path(tempfile.mkdtemp(prefix="pv-line-"))
        lines.append(WithholdingLine(directory=directory, behind=victim.postgres.sockets))
        return lines[-1], directory

    yield lay
    for each in lines:
        each.close()


def through(victim: Victim, name: str, directory: Path) -> Database:
    """Return the database behind a line."""
    url = victim.postgres.url(APPLICATION, database=name)
    sockets = quote(str(victim.postgres.sockets), safe="/")
    return Database(url.replace(sockets, quote(str(directory), safe="/")), pool_size=1)


@pytest.mark.parametrize("side", ["asking", "answering"])
def test_a_line_cut_at_any_byte_posts_once(
    victim: Victim, line: Callable[[], tuple[WithholdingLine, Path]], side: str
) -> None:
    """Cut in the question the call never happened, cut in the answer it did: a retry ends both."""
    name = victim.fresh_database()
    dice = random.Random(side)  # noqa: S311 - a seeded mixture
    most = {"asking": 1_500, "answering": 900}[side]
    cut = 0
    with opened(victim, name) as database:
        endow(database)
        for number in range(max(SOAK_ROUNDS, 12)):
            kind = "redeem" if number % 2 else "earn"
            call = Call(kind=kind, member=SPENDER, key=f"cut-{number}", points=5, code=f"c{number}")
            wire, directory = line()
            behind = through(victim, name, directory)
            with suppress(DatabaseUnavailableError), behind.ledger() as connection:
                connection.execute(text("SELECT 1"))
                wire.cut_after(dice.randint(0, most), answers=side == "answering")
                cut += 1
                call.post(connection)
                cut -= 1
            behind.dispose()
            wire.close()
            once, again = call.make(database), call.make(database)
            assert again.replayed
            assert once.sequence == again.sequence
            assert entries(database, SPENDER) == number + 2
    assert cut > 0
    assert victim.differences(name) == []


def test_blow_after_blow_on_one_ledger(victim: Victim) -> None:
    """Killed, or starved of its log, and restarted, over and over; everything is still there."""
    name = victim.fresh_database()
    loads: list[Load] = []
    dice = random.Random(7)  # noqa: S311 - a seeded mixture
    with opened(victim, name) as database:
        endow(database)
    for number in range(max(SOAK_ROUNDS, 2)):
        starve = dice.random() < STARVED
        if starve:
            victim.starve_log()
        with opened(victim, name) as database:
            loads.append(Load(database, seed=number + 1))
            strike(loads[-1], nothing if starve else victim.kill)
        victim.kill()
        victim.restart()
    with opened(victim, name) as database:
        prove(database, loads)
    assert victim.differences(name) == []
