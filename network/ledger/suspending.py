"""Issuers whose points are suspended: none of theirs are spent, given away or made."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.ledger.calling import function, one

_SUSPEND = function(
    "suspend_issuer",
    "p_issuer => CAST(:issuer AS uuid)",
    "p_proposal => CAST(:proposal AS uuid)",
    "p_now => CAST(:now AS timestamptz)",
)
_RESUME = function(
    "resume_issuer",
    "p_issuer => CAST(:issuer AS uuid)",
    "p_proposal => CAST(:proposal AS uuid)",
)


def suspend_issuer(session: Session, *, issuer_id: UUID, proposal_id: UUID, now: datetime) -> bool:
    """Suspend an issuer's points, as an approved proposal says; False where they are already.

    Raises LedgerInvariantError where two people have not agreed on it.
    """
    facts = {"issuer": issuer_id, "proposal": proposal_id, "now": now}
    return bool(one(session, _SUSPEND, facts)[0])


def resume_issuer(session: Session, *, issuer_id: UUID, proposal_id: UUID) -> bool:
    """Lift it again; False where the issuer's points are not suspended.

    Raises LedgerInvariantError where two people have not agreed on it.
    """
    return bool(one(session, _RESUME, {"issuer": issuer_id, "proposal": proposal_id})[0])


def suspended_issuers(session: Session) -> dict[UUID, datetime]:
    """Return the issuers whose points are suspended, and since when (wall time)."""
    rows = session.execute(text("SELECT issuer_id, suspended_at FROM ledger.suspended_issuer"))
    return {row.issuer_id: row.suspended_at for row in rows}
