"""Reads of batches, and of the entries that a line may have made before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from network.batches.errors import UnknownBatchError
from network.batches.models import Batch, BatchChunk, BatchLine


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """A batch and how far it is."""

    batch_id: UUID
    merchant_id: UUID
    key_id: str
    lines: int
    state: str
    posted: int
    known: int
    refused: int
    received_at: datetime
    programme_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkView:
    """Lines of a batch that are not done yet; ``results`` of those that are, None before."""

    number: int
    first_line: int
    state: str
    sealed_lines: bytes = field(repr=False)
    results: list[dict[str, Any] | None] | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierEntry:
    """What an entry says that a line sent again would say too; ``points`` it earned or moved."""

    member_id: UUID
    sequence: int
    kind: str
    business_date: date
    amount: int | None
    effective_at: datetime
    points: int


_VIEW = (
    Batch.batch_id,
    Batch.merchant_id,
    Batch.key_id,
    Batch.lines,
    Batch.state,
    Batch.posted,
    Batch.known,
    Batch.refused,
    Batch.received_at,
    Batch.programme_at,
    Batch.finished_at,
)
_EARLIER = text("""
    SELECT e.member_id, e.sequence, e.kind, e.business_date, e.amount, e.effective_at,
           coalesce((SELECT sum(p.points) FROM ledger.movement AS p
                     WHERE p.member_id = e.member_id AND p.sequence = e.sequence
                       AND p.business_date = e.business_date
                       AND CASE e.kind WHEN 'issuance' THEN p.source = 'issuance'
                                       WHEN 'refund_issuance' THEN p.target = 'clawback'
                                       ELSE 'redemption' IN (p.source, p.target) END), 0)::bigint
               AS points
    FROM unnest(CAST(:members AS uuid[]), CAST(:sequences AS bigint[])) AS k (member, sequence)
    JOIN ledger.entry AS e ON e.member_id = k.member AND e.sequence = k.sequence
""")


def batch(session: Session, *, batch_id: UUID, merchant_id: UUID | None = None) -> BatchView:
    """Return a batch, of a merchant where one is named; raise UnknownBatchError."""
    query = select(*_VIEW).where(Batch.batch_id == batch_id)
    if merchant_id is not None:
        query = query.where(Batch.merchant_id == merchant_id)
    row = session.execute(query).first()
    if row is None:
        raise UnknownBatchError("there is no such batch")
    return BatchView(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def next_chunk(session: Session, *, batch_id: UUID, after: int = -1) -> ChunkView | None:
    """Return the first chunk after number ``after`` that is not done, ``None`` where all are."""
    row = session.execute(
        select(
            BatchChunk.number,
            BatchChunk.first_line,
            BatchChunk.state,
            BatchChunk.sealed_lines,
            BatchChunk.results,
        )
        .where(
            BatchChunk.batch_id == batch_id,
            BatchChunk.number > after,
            BatchChunk.state != "done",
        )
        .order_by(BatchChunk.number)
        .limit(1)
    ).first()
    return None if row is None else ChunkView(**row._mapping)  # noqa: SLF001 - as above


def results(
    session: Session, *, batch_id: UUID, after_line: int, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """Return lines and their results after a line, in order, up to the first that has none."""
    chunks = session.execute(
        select(BatchChunk.first_line, BatchChunk.results)
        .where(
            BatchChunk.batch_id == batch_id,
            BatchChunk.first_line + BatchChunk.lines > after_line + 1,
            BatchChunk.first_line <= after_line + limit,
        )
        .order_by(BatchChunk.first_line)
    ).all()
    alone: dict[int, dict[str, Any]] = {
        row.line: row.result
        for row in session.execute(
            select(BatchLine.line, BatchLine.result).where(
                BatchLine.batch_id == batch_id,
                BatchLine.line.between(after_line + 1, after_line + limit),
            )
        )
    }
    found: list[tuple[int, dict[str, Any]]] = []
    for chunk in chunks:
        for line, result in enumerate(chunk.results or [], chunk.first_line):
            if not after_line < line <= after_line + limit:
                continue
            known = result or alone.get(line)
            if known is None:
                return found
            found.append((line, known))
    return found


def earlier_entries(
    session: Session, *, keys: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], EarlierEntry]:
    """Return entries by member and sequence, in one round trip; archived ones are left out."""
    if not keys:
        return {}
    rows = session.execute(
        _EARLIER, {"members": [key[0] for key in keys], "sequences": [key[1] for key in keys]}
    )
    return {
        (row.member_id, row.sequence): EarlierEntry(**row._mapping)  # noqa: SLF001 - as above
        for row in rows
    }


def left_alone(session: Session, *, before: datetime) -> list[UUID]:
    """Return batches under way that nobody has touched since a moment, the longest first."""
    return list(
        session.scalars(
            select(Batch.batch_id)
            .where(Batch.state != "done", Batch.touched_at < before)
            .order_by(Batch.touched_at)
            .limit(100)
        )
    )
