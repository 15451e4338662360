"""Taking a batch in and writing down what became of its lines.

Whoever works on a batch holds its row (``lock``) in each transaction, so that one worker at a time
goes on with it, and what is posted and what is written down about it commit together: a worker that
dies leaves either both or neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.orm import Session

from network.batches.errors import TooManyBatchesError
from network.batches.models import Batch, BatchChunk, BatchLine, BatchRequest
from network.database.arrays import array, texts
from network.database.pieces import delete_piece
from network.events.service import publish
from network.ids import uuid7
from network.ledger.errors import IdempotencyConflict
from network.ledger.operations_keys import claim_key
from network.ledger.values import Claim, Evidence
from network.vault import Vault

CHUNK_LINES = 1_000
MOST_UNDER_WAY = 20
"""Batches of one merchant that may wait or be worked on at a time."""

RECEIVED = "batches.received"
_PURPOSE = "batch-lines"
_RESULTS = text(
    "UPDATE network.batch_chunk SET state = 'apart', results = CAST(:results AS jsonb) "
    "WHERE batch_id = :batch_id AND number = :number"
)

_LINES = text(
    "INSERT INTO network.batch_line (batch_id, line, result) "
    "SELECT :batch_id, r.line, r.result FROM unnest("
    "CAST(:lines AS integer[]), CAST(:results AS jsonb[])) AS r (line, result)"
)
_LINK = text(
    "INSERT INTO network.batch_entries "
    "(batch_id, line, merchant_id, recorded_at, members, sequences, lines) "
    "VALUES (:batch_id, :line, :merchant_id, :recorded_at, CAST(:members AS uuid[]), "
    "CAST(:sequences AS bigint[]), CAST(:lines AS integer[]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A batch that was taken in, now or (``replayed``) before."""

    batch_id: UUID
    lines: int
    received_at: datetime
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many lines were posted, known from before, and refused."""

    posted: int = 0
    known: int = 0
    refused: int = 0


def receive_batch(
    session: Session,
    vault: Vault,
    *,
    claim: Claim,
    evidence: Evidence,
    lines: Sequence[bytes],
    wall: datetime,
    now: datetime,
) -> Received:
    """Store a batch of a merchant (the claim's client) and announce it.

    The same claim again returns the first one. Raises IdempotencyConflict where the key stands
    for other lines or for another request, TooManyBatchesError.
    """
    if (known := received_before(session, claim=claim)) is not None:
        return known
    session.execute(select(func.pg_advisory_xact_lock(room_lock(claim.client_id))))
    # Whoever waited may have waited for this very call, which then counts as one of many no more.
    if (known := received_before(session, claim=claim)) is not None:
        return known
    _check_room(session, merchant_id=claim.client_id)
    batch_id = uuid7()
    session.execute(
        insert(Batch).values(
            batch_id=batch_id,
            merchant_id=claim.client_id,
            idempotency_key=claim.key,
            fingerprint=claim.fingerprint,
            key_id=evidence.key_id,
            lines=len(lines),
            state="waiting",
            received_at=wall,
            programme_at=now,
            touched_at=wall,
        )
    )
    claim_key(session, claim=claim)
    _store(session, vault, batch_id=batch_id, evidence=evidence, lines=lines)
    publish(
        session,
        topic=RECEIVED,
        payload={"batch_id": str(batch_id)},
        merchant_id=claim.client_id,
    )
    return Received(batch_id=batch_id, lines=len(lines), received_at=wall, replayed=False)


def received_before(session: Session, *, claim: Claim) -> Received | None:
    """Return the batch that this request brought before, ``None`` where it brought none.

    Raises IdempotencyConflict where the key stands for other lines.
    """
    known = session.execute(
        select(Batch.batch_id, Batch.lines, Batch.received_at, Batch.fingerprint).where(
            Batch.merchant_id == claim.client_id, Batch.idempotency_key == claim.key
        )
    ).one_or_none()
    if known is None:
        return None
    if known.fingerprint != claim.fingerprint:
        raise IdempotencyConflict(IdempotencyConflict.sentence)
    return Received(
        batch_id=known.batch_id, lines=known.lines, received_at=known.received_at, replayed=True
    )


def room_lock(merchant_id: UUID) -> ColumnElement[int]:
    """Return the key of the lock under which a merchant's batches under way are counted."""
    return func.hashtextextended(f"batches:{merchant_id}", 0)


def _check_room(session: Session, *, merchant_id: UUID) -> None:
    """Refuse one batch too many; counted under the lock, so nobody else sends meanwhile."""
    under_way = session.execute(
        select(func.count())
        .select_from(Batch)
        .where(Batch.merchant_id == merchant_id, Batch.state != "done")
    ).scalar_one()
    if under_way >= MOST_UNDER_WAY:
        raise TooManyBatchesError("wait for one to end", facts={"most": MOST_UNDER_WAY})


def _store(
    session: Session, vault: Vault, *, batch_id: UUID, evidence: Evidence, lines: Sequence[bytes]
) -> None:
    session.execute(
        insert(BatchRequest).values(
            batch_id=batch_id,
            key_id=evidence.key_id,
            signature_base=evidence.signature_base,
            signature=evidence.signature,
            body=evidence.body,
        )
    )
    session.execute(
        insert(BatchChunk),
        [
            {
                "batch_id": batch_id,
                "number": number,
                "first_line": first + 1,
                "lines": len(lines[first : first + CHUNK_LINES]),
                "state": "waiting",
                "sealed_lines": vault.seal(
                    b"\n".join(lines[first : first + CHUNK_LINES]), purpose=_PURPOSE
                ),
            }
            for number, first in enumerate(range(0, len(lines), CHUNK_LINES))
        ],
    )


def open_lines(vault: Vault, *, sealed_lines: bytes) -> list[bytes]:
    """Return the lines of a chunk as they came."""
    return vault.open(sealed_lines, purpose=_PURPOSE).split(b"\n")


def lock(session: Session, *, batch_id: UUID) -> bool:
    """Hold a batch until the transaction ends; return False where another worker does."""
    return (
        session.execute(
            select(Batch.batch_id)
            .where(Batch.batch_id == batch_id)
            .with_for_update(skip_locked=True, key_share=True)
        ).scalar_one_or_none()
        is not None
    )


def chunk_state(session: Session, *, batch_id: UUID, number: int) -> str:
    """Return how far a chunk is; read under the lock."""
    state: str = session.execute(
        select(BatchChunk.state).where(BatchChunk.batch_id == batch_id, BatchChunk.number == number)
    ).scalar_one()
    return state


def write_results(
    session: Session,
    *,
    batch_id: UUID,
    number: int,
    results: Sequence[dict[str, Any] | None],
    tally: Tally,
    wall: datetime,
) -> None:
    """Write a chunk's results; None for the lines that go by themselves afterwards."""
    session.execute(
        _RESULTS,
        {
            "batch_id": batch_id,
            "number": number,
            "results": json.dumps(results, ensure_ascii=False),
        },
    )
    _count(session, batch_id=batch_id, tally=tally, wall=wall)


def line_is_done(session: Session, *, batch_id: UUID, line: int) -> bool:
    """Return whether a line that goes by itself has its result; read under the lock."""
    return (
        session.execute(
            select(BatchLine.line).where(BatchLine.batch_id == batch_id, BatchLine.line == line)
        ).scalar_one_or_none()
        is not None
    )


def write_line(
    session: Session,
    *,
    batch_id: UUID,
    line: int,
    result: dict[str, Any],
    tally: Tally,
    wall: datetime,
) -> None:
    """Write the result of a line that went by itself."""
    session.execute(insert(BatchLine).values(batch_id=batch_id, line=line, result=result))
    _count(session, batch_id=batch_id, tally=tally, wall=wall)


def lines_done(session: Session, *, batch_id: UUID, lines: Sequence[int]) -> set[int]:
    """Return which of these lines have their result; read under the lock."""
    query = select(BatchLine.line).where(BatchLine.batch_id == batch_id)
    return set(session.scalars(query.where(BatchLine.line.in_(lines))))


def write_lines(
    session: Session,
    *,
    batch_id: UUID,
    results: Mapping[int, dict[str, Any]],
    tally: Tally,
    wall: datetime,
) -> None:
    """Write the results of lines that went in a group."""
    if results:
        written = [json.dumps(result, ensure_ascii=False) for result in results.values()]
        session.execute(
            _LINES, {"batch_id": batch_id, "lines": array(results), "results": texts(written)}
        )
    _count(session, batch_id=batch_id, tally=tally, wall=wall)


def link_entries(
    session: Session,
    *,
    batch_id: UUID,
    merchant_id: UUID,
    recorded_at: datetime,
    made: Sequence[tuple[UUID, int, int]],
) -> None:
    """Let entries (member, sequence, line) that were recorded at one moment lead to the request."""
    if not made:
        return
    members, sequences, lines = map(array, zip(*made, strict=True))
    session.execute(
        _LINK,
        {
            "batch_id": batch_id,
            "line": made[0][2],
            "merchant_id": merchant_id,
            "recorded_at": recorded_at,
            "members": members,
            "sequences": sequences,
            "lines": lines,
        },
    )


def end_chunk(session: Session, *, batch_id: UUID, number: int) -> None:
    """Say that every line of a chunk has its result; its lines are not kept."""
    session.execute(
        update(BatchChunk)
        .where(BatchChunk.batch_id == batch_id, BatchChunk.number == number)
        .values(state="done", sealed_lines=None)
    )


def end_batch(session: Session, *, batch_id: UUID, wall: datetime) -> None:
    """Say that every line has its result."""
    session.execute(
        update(Batch)
        .where(Batch.batch_id == batch_id)
        .values(state="done", finished_at=wall, touched_at=wall)
    )


def forget_batches(session: Session, *, before: datetime, limit: int) -> int:
    """Forget results of up to ``limit`` batches that ended before then; the evidence stays."""
    return delete_piece(session, Batch, Batch.finished_at < before, limit=limit)


def _count(session: Session, *, batch_id: UUID, tally: Tally, wall: datetime) -> None:
    session.execute(
        update(Batch)
        .where(Batch.batch_id == batch_id)
        .values(
            state="working",
            posted=Batch.posted + tally.posted,
            known=Batch.known + tally.known,
            refused=Batch.refused + tally.refused,
            touched_at=wall,
        ),
        execution_options={"synchronize_session": False},
    )
