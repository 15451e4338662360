"""Which days have begun, for everything that may only change from a coming day on."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from network.database.installation import clock_offset
from network.ledger import queries as ledger

NOTICE = timedelta(minutes=1)
"""A day counts as begun so long before it does: what is decided is committed before the first price
of the day is asked for, and no till keeps an older one (the gateway does for a second)."""


def begun_day(session: Session, *, wall: datetime) -> date:
    """Return the last day for which no price can be set any more (``ledger.begun_day``, early).

    ``wall`` is wall time; a simulated installation's offset is added here.
    """
    return ledger.begun_day(session, now=wall + clock_offset(session) + NOTICE)
