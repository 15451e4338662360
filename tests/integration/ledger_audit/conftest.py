"""One played history per worker: audits read it, faults are planted and rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from config.services.postgres import SUPERUSER
from network.database.connection import Database
from tests.fixtures.cluster import Cluster
from tests.integration.ledger_audit import history
from tests.integration.ledger_audit.history import Ledger


@dataclass(frozen=True, kw_only=True)
class Past:
    """A played history: as the application, and in the hands of a superuser."""

    database: Database
    book: Ledger
    superuser_url: str

    @contextmanager
    def tampered(self, *statements: str) -> Iterator[Session]:
        """Yield a snapshot in which the statements ran, triggers off; nothing of it stays."""
        engine = create_engine(self.superuser_url, isolation_level="REPEATABLE READ")
        try:
            with Session(engine) as session:
                session.execute(text("SET LOCAL session_replication_role = replica"))
                for statement in statements:
                    session.execute(text(statement))
                yield session
                session.rollback()
        finally:
            engine.dispose()


@pytest.fixture(scope="module")
def past(cluster: Cluster) -> Iterator[Past]:
    """Play the history once; tests leave it as it is."""
    with cluster.fresh_database() as name:
        database = Database(cluster.url("peyvand", database=name))
        owner = Database(cluster.url("peyvand_owner", database=name), pool_size=1)
        try:
            yield Past(
                database=database,
                book=history.live(database, owner),
                superuser_url=cluster.url(SUPERUSER, database=name),
            )
        finally:
            database.dispose()
            owner.dispose()
