"""Migrations while tills earn: nobody fails, nobody stands still, old functions meet new tables."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from alembic.config import Config
from sqlalchemy import create_engine, text

from network.database import migrate as migrations
from network.database.migrate import alembic_config, head_revision, migrate
from network.ledger.audit import audit
from tests.integration.ledger.conftest import Hands

THREADS = 4
CALLS = 5
PATIENCE_SECONDS = 60.0
_MIGRATION = """
from alembic import op

revision = "trial"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE ledger.wallet ADD COLUMN trial bigint NOT NULL DEFAULT 0")
    for schema in ("ledger", "ledger_archive"):
        op.execute(f"ALTER TABLE {{schema}}.entry ADD COLUMN trial text")
        op.execute(f"ALTER TABLE {{schema}}.movement ADD COLUMN trial text")
"""


@dataclass(kw_only=True)
class Load:
    """Threads that earn without a pause, each on a wallet of its own, until told to stop."""

    hands: Hands
    members: list[UUID]
    stop: threading.Event = field(default_factory=threading.Event)
    counts: dict[UUID, int] = field(default_factory=dict)

    def earn(self, member: UUID) -> int:
        """Earn until told to stop; return how many calls were acknowledged. Raises what fails."""
        while not self.stop.is_set():
            self.hands.earn(member, 10)
            self.counts[member] = self.counts.get(member, 0) + 1
        return self.counts[member]

    def all_go_on(self) -> None:
        """Return once every thread has had some more calls acknowledged."""
        before = dict(self.counts)
        wait_for(
            lambda: all(
                self.counts.get(member, 0) >= before.get(member, 0) + CALLS
                for member in self.members
            )
        )


def wait_for(holds: Callable[[], bool]) -> None:
    """Look again until a condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


@contextmanager
def wallets_in_use(owner_url: str, *, until: Callable[[], None]) -> Iterator[None]:
    """Keep the wallets' table in use by somebody slow until a migration has waited for it.

    ``until`` is what must be possible meanwhile: the migration lets others pass between its tries.
    """
    engine = create_engine(owner_url)

    def stand_in_the_way() -> None:
        with engine.connect() as slow, engine.connect() as watching:
            slow.execute(text("SELECT FROM ledger.wallet LIMIT 1"))
            in_use.set()
            wait_for(lambda: watching.execute(_MIGRATION_WAITS).scalar_one() > 0)
            until()

    in_use = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        standing = pool.submit(stand_in_the_way)
        assert in_use.wait(PATIENCE_SECONDS)
        yield
        standing.result()
    engine.dispose()


_MIGRATION_WAITS = text(
    "SELECT count(*) FROM pg_locks WHERE relation = 'ledger.wallet'::regclass AND NOT granted "
    "AND mode = 'AccessExclusiveLock'"
)


def new_version(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the next release: one more numbered migration, every function file changed."""
    versions = directory / "versions"
    versions.mkdir()
    (versions / "trial.py").write_text(_MIGRATION.format(head=head_revision()), encoding="utf-8")
    functions = directory / "sql"
    shutil.copytree(migrations.REPEATABLE, functions)
    for path in functions.glob("*.sql"):
        path.write_text(path.read_text("utf-8") + "-- the next release\n", encoding="utf-8")

    def config() -> Config:
        found = alembic_config()
        known = migrations.MIGRATIONS / "versions"
        found.set_main_option("version_locations", f"{known}:{versions}")
        return found

    monkeypatch.setattr(migrations, "alembic_config", config)
    monkeypatch.setattr(migrations, "REPEATABLE", functions)


def test_a_release_goes_in_while_tills_earn(
    hands: Hands, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Load(hands=hands, members=[hands.wallet() for _ in range(THREADS)])
    files = [path.name for path in migrations.repeatable_files()]
    head = head_revision()
    new_version(tmp_path, monkeypatch)
    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(load.earn, member) for member in load.members]
        try:
            load.all_go_on()
            with wallets_in_use(owner_url, until=load.all_go_on):
                applied = migrate(owner_url)
            load.all_go_on()
        finally:
            load.stop.set()
        counts = [each.result() for each in running]

    assert applied == [f"{head} → trial", *files]
    for member, count in zip(load.members, counts, strict=True):
        with hands.database.reading() as session:
            found = session.execute(
                text("SELECT sequence, available, trial FROM ledger.wallet WHERE member_id = :m"),
                {"m": member},
            ).one()
        assert tuple(found) == (count, 10 * count, 0)
    with hands.database.snapshot() as session:
        strange = [c.name for c in audit(session) if c.differences]
    assert set(strange) <= {"merchants_exist", "terms_exist"}  # the hands' merchants are bare ids
