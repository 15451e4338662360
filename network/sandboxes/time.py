"""A sandbox's time: it runs like ours and can be moved on, never back."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from network.clock import day_start, local_date
from network.database.connection import Database
from network.database.installation import ProgrammeClock, clock_offset, move_clock
from network.errors import PeyvandError
from network.ledger import queries as ledger
from network.ledger.day import close_day
from network.ledger.operations_batch import expire_due
from network.settings import PROGRAMME_ZONE

FURTHEST = timedelta(days=3_700)
"""Further than any point lives, and near enough for every calendar."""

MOST_AT_ONCE = 400
"""Days that one call may close: a year that somebody moves on at once, and some."""

AFTER_MIDNIGHT = timedelta(minutes=5)
_AT_ONCE = 1_000


class ClockTooFarError(PeyvandError):
    """The sandbox's clock would run too far ahead; ``facts`` say how far it may."""

    code = "clock_too_far"


def move_on(session: Session, *, by: timedelta, wall: datetime) -> datetime:
    """Move a sandbox's programme time on and return it; raise ClockTooFarError."""
    ahead = clock_offset(session) + by
    if ahead > FURTHEST:
        raise ClockTooFarError("reset the sandbox", facts={"most_days": FURTHEST.days})
    move_clock(session, to=wall + ahead, wall=wall)
    return wall + ahead


def end_day(session: Session, *, wall: datetime) -> date:
    """Move a sandbox's time on to the next morning, just past midnight; return the day that ended.

    Raises ClockTooFarError.
    """
    now = wall + clock_offset(session)
    today = local_date(now, zone=PROGRAMME_ZONE)
    morning = day_start(today + timedelta(days=1), zone=PROGRAMME_ZONE) + AFTER_MIDNIGHT
    move_on(session, by=morning - now, wall=wall)
    return today


def catch_up(database: Database, *, most_days: int = MOST_AT_ONCE) -> bool:
    """Close business days that have ended, at most so many, and return whether all of them are.

    Then what is due is activated and expired: what the nights do beside settling, so that new
    entries stand on the day that they are made. Where days are left, calling again goes on.
    """
    now = ProgrammeClock(database).now()
    with database.reading() as session:
        behind = ledger.open_day(session) < local_date(now, zone=PROGRAMME_ZONE)
    if not behind:
        return True
    for _day in range(most_days):
        if close_day(database, now=now) is None:
            break
    else:
        with database.reading() as session:
            if ledger.open_day(session) < local_date(now, zone=PROGRAMME_ZONE):
                return False
    with database.ledger() as connection:
        while expire_due(connection, now=now, limit=_AT_ONCE):
            pass
    return True
