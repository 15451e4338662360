"""Bringing a database to where the code can run on it: migrations, partitions."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from importlib.util import find_spec

from sqlalchemy import create_engine

from network.database.migrate import migrate

DAYS_AHEAD = 45
DAYS_BEHIND = 45
"""An installation has partitions for late events of the last weeks and for the weeks to come."""


def prepare_database(owner_url: str, *, today: date) -> list[str]:
    """Migrate as the owner and make the partitions around ``today``; return what was applied.

    Safe to repeat and to run from several processes. Raises NewerDatabaseError.
    """
    applied = migrate(owner_url)
    make_partitions(
        owner_url,
        first=today - timedelta(days=DAYS_BEHIND),
        last=today + timedelta(days=DAYS_AHEAD),
    )
    return applied


def make_partitions(owner_url: str, *, first: date, last: date) -> None:
    """Make the ledger's partitions that are missing for the days from ``first`` to ``last``."""
    if find_spec("network.ledger.partitions") is None:
        return
    ensure_partitions = import_module("network.ledger.partitions").ensure_partitions
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            ensure_partitions(connection, first=first, last=last)
    finally:
        engine.dispose()
