"""Bringing a database to where the code can run on it: migrations, partitions, keys, first day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import create_engine

from network.clock import local_date
from network.database.installation import ProgrammeClock
from network.database.migrate import migrate
from network.ledger.partitions import DayAlreadyOpenError, ensure_partitions, open_first_day
from network.services import Services
from network.settings import PROGRAMME_ZONE
from network.signing.service import ensure_keys

DAYS_AHEAD = 45
DAYS_BEHIND = 45
"""An installation has partitions for late events of the last weeks and for the weeks to come."""


def prepare_database(owner_url: str, *, today: date) -> list[str]:
    """Migrate as the owner and make the partitions around ``today``; return what was applied.

    Safe to repeat and to run from several processes. Raises NewerDatabaseError.
    """
    applied = migrate(owner_url)
    first, last = days_around(today, behind=DAYS_BEHIND, ahead=DAYS_AHEAD)
    make_partitions(owner_url, first=first, last=last)
    return applied


def days_around(day: date, *, behind: int, ahead: int) -> tuple[date, date]:
    """Return the first and last day of the stretch around ``day``."""
    return day - timedelta(days=behind), day + timedelta(days=ahead)


def make_partitions(owner_url: str, *, first: date, last: date) -> None:
    """Make the ledger's partitions that are missing for the days from ``first`` to ``last``.

    A transaction for each day: whoever waits too long for a table leaves the days before it made.
    """
    engine = create_engine(owner_url)
    try:
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            with engine.begin() as connection:
                ensure_partitions(connection, first=day, last=day)
    finally:
        engine.dispose()


def prepare_installation(services: Services, *, wall: datetime) -> None:
    """Make the network's signing keys; open the first business day of a real installation.

    A simulated one opens its first day itself, on the day its story begins.
    """
    with services.database.unit_of_work() as session:
        ensure_keys(session, services.vault, now=wall)
    if ProgrammeClock(services.database).simulated:
        return
    try:
        with services.database.unit_of_work() as session:
            open_first_day(session, business_date=local_date(wall, zone=PROGRAMME_ZONE))
    except DayAlreadyOpenError:
        pass
