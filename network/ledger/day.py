"""Closing a business day without stopping the tills.

The table says which day is open. A flip opens the next day; a writer that had locked a wallet
before may still post into the old one, a later one reads the new day, because every operation
reads the day in a statement after the one that locks. So the old day is closed once every virtual
transaction that held a lock on ``ledger.wallet`` at the flip has ended. Writers elsewhere in the
database do not matter, and none is made to wait.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import text

from network.database.connection import Database
from network.errors import UnavailableError
from network.ledger import operations
from network.ledger.writers import await_writers, writers_now

PATIENCE_SECONDS = 60.0
"""How long a close waits for writers: twice what any one statement may take is more than enough."""

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
        still = await_writers(
            connection, writers=writers_now(connection), patience_seconds=patience_seconds
        )
        if still:
            raise WritersLingerError(
                f"{len(still)} transactions older than the close of {day} are still open",
                facts={"business_date": day.isoformat(), "transactions": len(still)},
            )
        connection.execute(_CONFIRM, {"business_date": day, "now": now})
        return day
