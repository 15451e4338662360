"""Claiming an idempotency key for a request that moves no points."""

from __future__ import annotations

from sqlalchemy.orm import Session

from network.ledger.calling import function, one
from network.ledger.values import Claim

_CLAIM_KEY = function("claim_key", ":client_id", ":key", ":fingerprint")


def claim_key(session: Session, *, claim: Claim) -> None:
    """Take a key of a client in the one space that all its requests share.

    It is the caller's transaction that keeps it, and the caller that keeps the answer. Raises
    IdempotencyConflict where the key stands for another request.
    """
    one(
        session,
        _CLAIM_KEY,
        {"client_id": claim.client_id, "key": claim.key, "fingerprint": claim.fingerprint},
    )
