"""The signed bodies of batches on their way from sealed whole to sealed for whom they name."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from network.batches.models import Batch, BatchEntries

_READ = text("SELECT ledger.read_batch_body(CAST(:batch_id AS uuid))")
_KEEP = text("SELECT ledger.keep_batch_body(CAST(:batch_id AS uuid), CAST(:body AS bytea))")


def next_unsealed(session: Session, *, but_not: Collection[UUID] = ()) -> UUID | None:
    """Return the batch that has waited longest since it ended, and hold it; None where none does.

    One that somebody else holds is left to them, and those of ``but_not`` are passed over.
    """
    return session.scalars(
        select(Batch.batch_id)
        .where(
            Batch.finished_at.is_not(None), ~Batch.persons_sealed, Batch.batch_id.not_in(but_not)
        )
        .order_by(Batch.finished_at)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
    ).one_or_none()


def read_whole(session: Session, *, batch_id: UUID) -> bytes | None:
    """Return a body that is sealed as a whole, as it is stored; None where it is not."""
    found = session.execute(_READ, {"batch_id": batch_id}).scalar_one()
    return None if found is None else bytes(found)


def keep(session: Session, *, batch_id: UUID, body: bytes | None) -> None:
    """Put a body in the place of the one that was sealed whole, and note that it is done."""
    if body is not None:
        session.execute(_KEEP, {"batch_id": batch_id, "body": body})
    session.execute(update(Batch).where(Batch.batch_id == batch_id).values(persons_sealed=True))


def wallets_of_lines(session: Session, *, batch_id: UUID) -> dict[int, UUID]:
    """Return in which wallet each line (from 1) that was posted has its entry."""
    rows = session.execute(
        select(BatchEntries.lines, BatchEntries.members).where(BatchEntries.batch_id == batch_id)
    )
    return {
        line: member for row in rows for line, member in zip(row.lines, row.members, strict=True)
    }
