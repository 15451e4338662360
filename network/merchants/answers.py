"""Answers to POSTs that move no points: kept with what they did, for whoever asks again.

A call that moves points keeps its answer in the ledger's own round trip. Every other one claims its
key here and in the ledger's one space of keys, works, and keeps the answer, in one unit of work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.database.pieces import delete_piece
from network.ledger.claims import RequestInProgressError
from network.ledger.errors import IdempotencyConflict
from network.ledger.operations_keys import claim_key
from network.ledger.values import Claim
from network.merchants.models import KeptAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer as it was given: its HTTP status and its value."""

    status: int
    answer: dict[str, Any]


def claim(session: Session, *, claim: Claim) -> Kept | None:
    """Return the answer that this request got before, or claim its key until the commit.

    Raises IdempotencyConflict for another request with the key, RequestInProgressError while the
    same one is under way.
    """
    found = kept_or_under_way(session, claim=claim)
    if found is None:
        claim_key(session, claim=claim)
    return found


def kept_or_under_way(session: Session, *, claim: Claim) -> Kept | None:
    """Return the answer that this request got before; ``None``: it neither got one nor is about to.

    Before a request is refused this is asked, too: the first one with its key may have passed what
    refuses this one. Raises IdempotencyConflict, and RequestInProgressError while it is under way.
    """
    lock = int.from_bytes(
        sha256(claim.client_id.bytes + claim.key.encode()).digest()[:8], "big", signed=True
    )
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock}):
        raise RequestInProgressError("a request with this key is under way")
    return kept(session, claim=claim)


def kept(session: Session, *, claim: Claim) -> Kept | None:
    """Return the answer that this request got before, ``None`` where it got none.

    Raises IdempotencyConflict for another request with the key.
    """
    found = session.execute(
        select(KeptAnswer.fingerprint, KeptAnswer.status, KeptAnswer.answer).where(
            KeptAnswer.client_id == claim.client_id, KeptAnswer.key == claim.key
        )
    ).one_or_none()
    if found is None:
        return None
    if found.fingerprint != claim.fingerprint:
        raise IdempotencyConflict("this key belongs to another request")
    return Kept(status=found.status, answer=found.answer)


def keep(
    session: Session, *, claim: Claim, status: int, answer: dict[str, Any], now: datetime
) -> None:
    """Keep the answer of a request whose key was claimed; it never holds a secret."""
    session.execute(
        insert(KeptAnswer).values(
            client_id=claim.client_id,
            key=claim.key,
            fingerprint=claim.fingerprint,
            status=status,
            answer=answer,
            kept_at=now,
        )
    )


def forget_answers(session: Session, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` answers that were kept before ``before``; return how many."""
    return delete_piece(session, KeptAnswer, KeptAnswer.kept_at < before, limit=limit)
