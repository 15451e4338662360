"""Reading the ledger with its archive: whole months that were detached lie in a schema beside it.

Readers of all time (audit, seals, rebuild) take a shared lock for their transaction, so that no
month moves under them, and read views over both places where the archive holds anything at all:
where it is empty the planner joins partition by partition, which it cannot through the views.
"""

from __future__ import annotations

import re

from sqlalchemy import text
from sqlalchemy.orm import Session

MOVING_LOCK = 0x7065_7976_6172_63
"""Held by whoever moves months into the archive; shared by whoever reads all time."""

_MOVED = re.compile(r"\b(FROM|JOIN) ledger\.(entry|movement)\b")
_HOLD_STILL = text("SELECT pg_advisory_xact_lock_shared(:key)")
_ARCHIVED = text(
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i"
    " WHERE i.inhparent = 'ledger_archive.entry'::regclass)"
)


class AllTime:
    """Rewrites statements so that they read attached and archived months alike."""

    def __init__(self, session: Session) -> None:
        """Hold the archive still until the session's transaction ends, and look what it has."""
        session.execute(_HOLD_STILL, {"key": MOVING_LOCK})
        self.archived: bool = session.execute(_ARCHIVED).scalar_one()

    def reading(self, statement: str) -> str:
        """Return the statement over all months; as it is where none is archived."""
        if not self.archived:
            return statement
        return _MOVED.sub(r"\1 ledger.every_\2", statement)
