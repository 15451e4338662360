"""From where a runner reads the outbox: past what was removed, never past what may still come.

Rows go when they were handed on, but while a snapshot is open (a backup, the audit) their entries
in the index stay, and who reads from the smallest id walks them all at each look.
"""

from __future__ import annotations

import time

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.events.queries import Event, waiting

FULL_LOOK_SECONDS = 5.0
_RUNNER = 0x6F75_7462_6F78
_BEGIN = text("""
    SELECT pg_try_advisory_xact_lock(:runner) AS mine,
           CAST(CAST(pg_snapshot_xmin(s) AS text) AS bigint) AS oldest,
           CAST(CAST(pg_snapshot_xmax(s) AS text) AS bigint) AS next
    FROM pg_current_snapshot() AS s
""")


class Place:
    """Where one runner is. Reading from ``after`` finds what reading from the start would.

    ``after`` is an id once nothing up to it waits and nobody may still write there: whoever took
    such an id did so before this runner read that id, and every transaction of that time has ended
    (``oldest`` has come to what was the ``next`` transaction then). A writer that stays under way
    keeps ``after`` where it is, and nothing else. Between taking an id and getting its own a first
    write is seen by nobody, and a restored database counts anew: so every few seconds a look begins
    at the start, and where it finds a row that should not be there, reading begins there again.
    """

    def __init__(self, *, full_look_seconds: float = FULL_LOOK_SECONDS) -> None:
        self.after = 0
        self._read = 0
        self._hoped = 0
        self._once_past = 0
        self._full_look_seconds = full_look_seconds
        self._looked = time.monotonic()

    def take(self, session: Session, *, limit: int) -> list[Event]:
        """Return what ``service.take_waiting`` does."""
        begun = session.execute(_BEGIN, {"runner": _RUNNER}).one()  # the read's snapshot is later
        if not begun.mine:
            return []
        started = time.monotonic()
        from_start = started - self._looked >= self._full_look_seconds
        events = waiting(session, limit=limit, after=0 if from_start else self.after)
        if from_start:
            self._looked = started
        first = events[0].event_id if events else None
        if first is not None and first <= self.after:
            self.after = self._hoped = self._read = self._once_past = 0
        elif begun.oldest >= self._once_past:
            if first is None or first > self._hoped:
                self.after = self._hoped
            self._hoped, self._once_past = self._read, begun.next
        self._read = max([self._read, *(event.event_id for event in events)])
        return events
