"""Closing a business day without stopping the tills.

The table says which day is open. A flip opens the next day; a writer that had locked a wallet
before may still post into the old one, a later one reads the new day, because every operation
reads the day in a statement after the one that locks. So the old day is closed once every virtual
transaction that held a lock on ``ledger.wallet`` at the flip has ended. Writers elsewhere in the
database do not matter, and none is made to wait.
"""

from __future__ import annotations

import time
from datetime import date, datetime

from sqlalchemy import Connection, text

from network.database.connection import Database
from network.errors import UnavailableError
from network.ledger import operations

_POLL_SECONDS = 0.01
PATIENCE_SECONDS = 60.0
"""How long a close waits for writers: twice what any one statement may take is more than enough."""

_WRITERS = text(
    "SELECT DISTINCT l.virtualtransaction FROM pg_catalog.pg_locks AS l "
    "WHERE l.locktype = 'relation' AND l.relation = 'ledger.wallet'::regclass "
    "AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d "
    "WHERE d.datname = current_database()) "
    "AND l.mode <> 'AccessShareLock' AND l.granted "
    "AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
)
_FLIPPED = text(
    "SELECT min(d.business_date) FROM ledger.business_day AS d "
    "WHERE d.flipped_at IS NOT NULL AND d.closed_at IS NULL"
)
_CONFIRM = text("SELECT ledger.confirm_closed(:business_date, :now)")


class WritersLingerError(UnavailableError):
    """A transaction older than the flip is still under way; the day closes when it has ended."""

    code = "writers_linger"


def close_day(
    database: Database, *, now: datetime, patience_seconds: float = PATIENCE_SECONDS
) -> date | None:
    """Close one business day whose cut-off has passed and return it, None where none is due.

    A day that an earlier call flipped but did not live to confirm is finished first. After
    downtime call again until None: the missed days close empty, in order. Raises
    WritersLingerError after ``patience_seconds``; the flip stays and the next call goes on.
    """
    with database.ledger() as connection:
        day: date | None = connection.execute(_FLIPPED).scalar_one()
        if day is None:
            day = operations.flip_day(connection, now=now)
        if day is None:
            return None
        older = writers_now(connection)
        deadline = time.monotonic() + patience_seconds
        while still := writers_before(connection, writers=older):
            if time.monotonic() > deadline:
                raise WritersLingerError(
                    f"{len(still)} transactions older than the close of {day} are still open",
                    facts={"business_date": day.isoformat(), "transactions": len(still)},
                )
            time.sleep(_POLL_SECONDS)
        connection.execute(_CONFIRM, {"business_date": day, "now": now})
        return day


def writers_now(connection: Connection) -> frozenset[str]:
    """Return the virtual transactions that hold a writer's lock on ``ledger.wallet``."""
    return frozenset(connection.execute(_WRITERS).scalars())


def writers_before(connection: Connection, *, writers: frozenset[str]) -> frozenset[str]:
    """Return those of ``writers`` that have not ended yet."""
    return writers & writers_now(connection) if writers else writers
