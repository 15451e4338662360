"""Partitions and the first day: what the owner does before the ledger can post."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from network.errors import PeyvandError

_ENSURE = text("SELECT ledger.ensure_partitions(:first, :last)")
_DAYS = text("SELECT count(*) FROM ledger.business_day")
_OPEN_FIRST_DAY = text("SELECT ledger.open_first_day(:business_date)")


class DayAlreadyOpenError(PeyvandError):
    """The ledger has had a first business day; the next ones open by flips."""

    code = "day_already_open"


def ensure_partitions(owner_connection: Connection, *, first: date, last: date) -> int:
    """Make the partitions missing for the days ``first`` to ``last``; return how many were made.

    A month of entries, postings and earned rows, a day of evidence. Needs the owner's connection;
    safe under load and when run again. Commits only if the connection does.
    """
    made: int = owner_connection.execute(_ENSURE, {"first": first, "last": last}).scalar_one()
    return made


def open_first_day(connection: Connection | Session, *, business_date: date) -> None:
    """Open the installation's first business day; raise DayAlreadyOpenError where there was one."""
    if connection.execute(_DAYS).scalar_one():
        raise DayAlreadyOpenError("a business day is open already; the next opens by a flip")
    connection.execute(_OPEN_FIRST_DAY, {"business_date": business_date})
