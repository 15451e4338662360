"""Refunds tried out: the ledger's own function runs, is read, and is rolled back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer
from network.ledger import queries
from network.ledger.values import Claim, Posted
from network.ledger.views import EntryView
from network.merchants import queries as merchants

_OF_MEMBER = frozenset({"available", "pending", "debt"})


def preview(
    call: Call, post: Callable[[Session, Claim], Posted], shown: Callable[[Posted], dict[str, Any]]
) -> Answer:
    """Answer with what ``post`` would do: the refund's own figures, and each movement of points.

    ``post`` gets a claim with a key of its own, so the caller's key stays free for the refund
    itself. What the ledger refuses is refused here in the same words.
    """
    claim = replace(call.claim(), key=secrets.token_urlsafe(24))
    with call.gateway.services.database.rehearsal() as session:
        posted = post(session, claim)
        entry = queries.entry(session, member_id=posted.member_id, sequence=posted.sequence)
        moves = [] if entry is None else _moves(session, entry)
    payload = shown(posted)
    del payload["id"]  # nothing of this id exists
    payload["business_date"] = posted.business_date.isoformat()
    return Answer(payload=payload | {"preview": True, "moves": moves})


def _moves(session: Session, entry: EntryView) -> list[dict[str, Any]]:
    """Return what the entry changes in the member's wallet: whose points, where, until when."""
    expiry = {lot.lot_id: lot.expires_on for lot in entry.lots}
    codes: dict[Any, str] = {}
    moves = []
    for posting in entry.postings:
        if posting.account not in _OF_MEMBER:
            continue
        if posting.issuer_id not in codes:
            found = merchants.merchant(session, merchant_id=posting.issuer_id)
            codes[posting.issuer_id] = found.code
        expires_on = None if posting.lot_id is None else expiry.get(posting.lot_id)
        moves.append(
            {
                "account": posting.account,
                "issuer": codes[posting.issuer_id],
                "points": posting.points,
                "expires_on": None if expires_on is None else expires_on.isoformat(),
            }
        )
    return moves
