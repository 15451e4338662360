"""Who is posting at this moment: the transactions that hold a writer's lock on the wallets.

Every function that posts takes that lock on the table with its first statement and keeps it until
it has committed, also while it waits for a wallet. Looking costs those who post nothing. A vacuum
and ANALYZE hold locks of other modes: they post nothing.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection, text

_FIRST_LOOK_SECONDS = 0.001
_LOOK_SECONDS = 0.01

_WRITERS = text(
    "SELECT DISTINCT l.virtualtransaction FROM pg_catalog.pg_locks AS l "
    "WHERE l.locktype = 'relation' AND l.relation = 'ledger.wallet'::regclass "
    "AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d "
    "WHERE d.datname = current_database()) "
    "AND l.mode IN ('RowShareLock', 'RowExclusiveLock') AND l.granted "
    "AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
)


def writers_now(connection: Connection) -> frozenset[str]:
    """Return the virtual transactions that hold a writer's lock on ``ledger.wallet``."""
    return frozenset(connection.execute(_WRITERS).scalars())


def await_writers(
    connection: Connection, *, writers: frozenset[str], patience_seconds: float
) -> frozenset[str]:
    """Wait until ``writers`` have ended; return those that have not after ``patience_seconds``."""
    deadline = time.monotonic() + patience_seconds
    pause = _FIRST_LOOK_SECONDS
    while writers and (writers := writers & writers_now(connection)):
        if time.monotonic() > deadline:
            break
        time.sleep(pause)
        pause = min(2 * pause, _LOOK_SECONDS)
    return writers
