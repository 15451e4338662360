"""Refunds tried out: the ledger's own function runs, is read, and is rolled back."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from merchant_gateway.gateway import Call
from merchant_gateway.operations import Answer
from network.clearing.parties import NETWORK_NAME
from network.ledger import queries
from network.ledger.values import Claim, Posted
from network.ledger.views import EntryView, PostingView

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
        moves = [] if entry is None else _moves(call, entry)
    payload = shown(posted)
    del payload["id"]  # nothing of this id exists
    payload["business_date"] = posted.business_date.isoformat()
    return Answer(payload=payload | {"preview": True, "moves": moves})


def _moves(call: Call, entry: EntryView) -> list[dict[str, Any]]:
    expiry = {lot.lot_id: lot.expires_on for lot in entry.lots}
    code = call.key.merchant_code
    return moves_of(entry.postings, expiry, merchant_id=call.merchant_id, code=code)


def moves_of(
    postings: Iterable[PostingView],
    expiry: Mapping[int, date],
    *,
    merchant_id: UUID,
    code: str,
) -> list[dict[str, Any]]:
    """Return what the entry changes in the member's wallet: whose points, where, until when.

    The caller's own points stand lot by lot. All others are the network's, one sum per account:
    whose they are, how many lots they come from and until when they are valid is not the caller's
    to know, as on its statements.
    """
    moves: list[dict[str, Any]] = []
    others: dict[str, int] = {}
    for posting in postings:
        account = posting.account
        if account not in _OF_MEMBER:
            continue
        if posting.issuer_id != merchant_id:
            others[account] = others.get(account, 0) + posting.points
            continue
        expires_on = None if posting.lot_id is None else expiry.get(posting.lot_id)
        moves.append(_move(account, code, posting.points, expires_on))
    moves += [_move(account, NETWORK_NAME, points, None) for account, points in others.items()]
    return [each for each in moves if each["points"]]


def _move(account: str, issuer: str, points: int, expires_on: date | None) -> dict[str, Any]:
    return {
        "account": account,
        "issuer": issuer,
        "points": points,
        "expires_on": None if expires_on is None else expires_on.isoformat(),
    }
