"""Two clocks: wall time for signatures and sessions, programme time for points.

Programme time is wall time plus an offset kept in one row of the database
(``network.installation``), which only a simulated installation may move. Functions take ``now``
as an argument; only the edges (a request, a job, a command) read a clock, once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from network.errors import InvariantError


def wall_now() -> datetime:
    """Return the present wall time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def local_date(moment: datetime, *, zone: ZoneInfo) -> date:
    """Return the calendar date of ``moment`` in ``zone``."""
    if moment.tzinfo is None:
        raise InvariantError("a naive datetime reached local_date")
    return moment.astimezone(zone).date()


def day_start(day: date, *, zone: ZoneInfo) -> datetime:
    """Return the first instant of ``day`` in ``zone``, in UTC.

    Where a shift skips midnight (Asia/Tehran, 2022-03-22) it is the first instant that exists.
    """
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    moment = local.astimezone(UTC)
    while moment.astimezone(zone).date() < day:
        moment += timedelta(minutes=30)
    return moment
