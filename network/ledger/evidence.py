"""The signed request behind an entry, for disputes and the console's drill-down.

Bodies of requests name people, each sealed with that person's own key; the application's role
cannot read the table and gets at one entry's evidence only through a function. Callers are the
console's views for the roles operator and above, and the pages where a dispute is settled with the
merchant that signed, both by way of ``network.reconciliation.evidence``, which writes each read
into the operators' audit log in the same unit of work, before anything is shown. Nothing else calls
this: not the gateway's routes, not the wallet, no job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_READ_OF_BATCH = text(
    "SELECT * FROM ledger.read_batch_evidence(CAST(:member_id AS uuid), CAST(:sequence AS bigint))"
)
_READ = text(
    "SELECT * FROM ledger.read_evidence(CAST(:member_id AS uuid), CAST(:sequence AS bigint))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvidence:
    """What a merchant signed (RFC 9421 signature base), with which key, and the body it covers.

    ``signature`` verifies over ``signature_base``; the base carries the digest of ``body``.
    ``line``: which line (from 1) of a body of JSON lines asked for the entry, where it came in a
    batch. ``body`` is as it is stored, sealed in part (``network.members.signed_bodies``), until
    that opens it; ``erased`` then says that a person in it could not be opened any more.
    """

    key_id: str
    signature_base: bytes
    signature: bytes
    body: bytes = field(repr=False)
    line: int | None = None
    erased: bool = False


def read_evidence(session: Session, *, member_id: UUID, sequence: int) -> StoredEvidence | None:
    """Return the evidence of an entry, ``None`` where none was given or its day was dropped.

    Who may call it, and what the caller owes, stands at the top of this module.
    """
    which = {"member_id": member_id, "sequence": sequence}
    row = session.execute(_READ, which).one_or_none()
    line: int | None = None
    if row is None:
        row = session.execute(_READ_OF_BATCH, which).one_or_none()
        if row is None:
            return None
        line = row.line
    return StoredEvidence(
        key_id=row.key_id,
        signature_base=row.signature_base,
        signature=row.signature,
        body=row.body,
        line=line,
    )
