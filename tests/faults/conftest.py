"""A durable PostgreSQL of our own, to be killed: apart from the one that all tests share."""

from __future__ import annotations

import itertools
import resource
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from psycopg import sql
from sqlalchemy import text

from config.services.account import give, service_account
from config.services.postgres import APPLICATION, DATABASE, OWNER, SUPERUSER, Postgres
from config.services.processes import await_end
from config.services.programs import find_programs
from network.database.connection import Database
from network.database.migrate import migrate
from network.ledger import operations
from network.ledger.audit import audit
from network.ledger.partitions import open_first_day
from tests.fixtures.memory import passable_directory
from tests.integration.ledger_audit import history

_PATIENCE_SECONDS = 200.0
_LOG_ROOM_BYTES = 1024 * 1024


def await_condition(holds: Callable[[], bool]) -> None:
    """Look again until the condition holds; fail after a while."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("the condition never held")
        time.sleep(0.005)


@dataclass(kw_only=True)
class Victim:
    """A server that tests kill, with its durability as in production."""

    postgres: Postgres
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def fresh_database(self) -> str:
        """Make a migrated database with merchants, wallets and an open day; return its name."""
        name = f"fault_{next(self.numbers)}"
        with self.postgres.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                    *map(sql.Identifier, (name, DATABASE, OWNER))
                )
            )
        owner = Database(self.postgres.url(OWNER, database=name), pool_size=1)
        with owner.unit_of_work() as session:
            session.execute(text("UPDATE network.installation SET artificial_clock = true"))
        history.found(owner)
        owner.dispose()
        database = Database(self.postgres.url(APPLICATION, database=name), pool_size=1)
        with database.ledger() as connection:
            open_first_day(connection, business_date=history.FIRST)
            for member in history.MEMBERS:
                operations.open_wallet(connection, member_id=member)
        database.dispose()
        return name

    def kill(self) -> None:
        """End every process of the server at once, as a power cut would, and wait for the end."""
        child = self.postgres.child
        if child is None or child.poll() is not None:  # it has ended by itself, and all with it
            return
        main = psutil.Process(child.pid)
        main.suspend()  # so that it starts no session that nobody kills
        processes = [main, *main.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # it went with the main process
                process.kill()
        child.wait()
        for process in processes:
            assert await_end(process, patience_seconds=_PATIENCE_SECONDS)

    def restart(self, *, largest: int = resource.RLIM_INFINITY) -> None:
        """Start the server on what it left behind.

        ``largest`` is the size in bytes beyond which it can write no file, as on a volume that is
        full: a limit of this process, for as long as the server inherits it.
        """
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
        try:
            self.postgres.launch()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    def starve_log(self) -> None:
        """Start anew so that the write-ahead log soon meets the end of what may be written."""
        with self.postgres.connect() as connection:
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")
        self.postgres.stop()
        self.restart(largest=_LOG_ROOM_BYTES)

    def said(self, words: str) -> bool:
        """Return whether the server's log has a line with these words."""
        return words in self.postgres.log.read_text(encoding="utf-8", errors="replace")

    def differences(self, name: str) -> list[str]:
        """Return what the audit finds in a database."""
        database = Database(self.postgres.url(APPLICATION, database=name), pool_size=1)
        with database.snapshot() as session:
            found = [f"{c.name}: {c.examples}" for c in audit(session) if c.differences]
        database.dispose()
        return found


@contextmanager
def serving(run: Path) -> Iterator[Victim]:
    """Run a server of our own, migrated, that keeps everything in ``run``."""
    account = service_account()
    run.chmod(0o711)
    base = run / "s"
    base.mkdir(mode=0o700)
    give(base, account)
    postgres = Postgres(
        programs=find_programs(account).postgres,
        data=base / "postgres",
        sockets=base,
        log=run / "postgres.log",
        record=run / "postgres.pid",
        passwords={role: secrets.token_hex(16) for role in (SUPERUSER, OWNER, APPLICATION)},
        account=account,
        settings={"shared_buffers": "32MB", "max_connections": "40"},
    )
    try:
        postgres.start()
        migrate(postgres.url(OWNER))
        yield Victim(postgres=postgres)
    finally:
        postgres.stop()


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    """Yield a running server and take everything away afterwards."""
    with passable_directory("pv-fault-") as run, serving(run) as victim:
        yield victim
