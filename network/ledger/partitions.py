"""Partitions and the first day: what the owner does before the ledger can post."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from network.errors import PeyvandError

_ENSURE = text("SELECT ledger.ensure_partitions(:first, :last)")
_WITHOUT_DEFAULT = text(
    "SELECT c.relname FROM pg_catalog.pg_partitioned_table AS p "
    "JOIN pg_catalog.pg_class AS c ON c.oid = p.partrelid "
    "WHERE c.relnamespace = 'ledger'::regnamespace AND p.partdefid = 0 ORDER BY c.relname"
)
_NO_MORE = """
CREATE OR REPLACE FUNCTION ledger.ensure_partitions(p_first date, p_last date) RETURNS integer
LANGUAGE sql SET search_path = ledger, pg_temp AS 'SELECT 0'
"""
_DAYS = text("SELECT count(*) FROM ledger.business_day")
_OPEN_FIRST_DAY = text("SELECT ledger.open_first_day(:business_date)")


class DayAlreadyOpenError(PeyvandError):
    """The ledger has had a first business day; the next ones open by flips."""

    code = "day_already_open"


def ensure_partitions(owner_connection: Connection, *, first: date, last: date) -> int:
    """Make the partitions missing for the days ``first`` to ``last``; return how many were made.

    A month of entries and movements, a day of evidence. Needs the owner's connection;
    safe under load and when run again. Commits only if the connection does.
    """
    made: int = owner_connection.execute(_ENSURE, {"first": first, "last": last}).scalar_one()
    return made


def keep_in_one_partition(owner_connection: Connection) -> None:
    """Give every partitioned table one partition for all days that have none of their own.

    For a database of little data whose days may run far ahead: a partition a day would be most of
    it. No further ones are made from here on. Safe to repeat; needs the owner's connection.
    """
    for name in owner_connection.execute(_WITHOUT_DEFAULT).scalars().all():
        owner_connection.exec_driver_sql(
            f'CREATE TABLE ledger."{name}_rest" PARTITION OF ledger."{name}" DEFAULT'
        )
    owner_connection.exec_driver_sql(_NO_MORE)


def open_first_day(connection: Connection | Session, *, business_date: date) -> None:
    """Open the installation's first business day; raise DayAlreadyOpenError where there was one."""
    if connection.execute(_DAYS).scalar_one():
        raise DayAlreadyOpenError("a business day is open already; the next opens by a flip")
    connection.execute(_OPEN_FIRST_DAY, {"business_date": business_date})
