"""What members and operators do with points beside the till: each is one call of one function.

The conventions are those of ``network.ledger.operations``. ``actor`` says who asked (``member``,
``operator:…``, ``system``). A wallet that joined another, or was merged into it, is closed: earning
and spending raise ``WalletClosed`` there, and the caller looks its member up again.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from network.ledger.arguments import CLAIM, MEMBER, NOW, POINTS, WALL, claim_parameters
from network.ledger.calling import function as _function
from network.ledger.calling import one as _one
from network.ledger.calling import post as _post
from network.ledger.calling import posted as _posted
from network.ledger.values import Approval, Claim, Posted

_ACTOR = "p_actor => CAST(:actor AS text)"
_POOL = "p_pool => CAST(:pool AS uuid)"
_ISSUER = "p_issuer => CAST(:issuer_id AS uuid)"
_PEOPLE = (
    "p_proposer => CAST(:proposer AS uuid)",
    "p_approver => CAST(:approver AS uuid)",
    "p_reason => CAST(:reason AS text)",
)
_TRANSFER = _function(
    "transfer", MEMBER, "p_taker => CAST(:taker AS uuid)", NOW, WALL, CLAIM, POINTS, _ACTOR
)
_JOIN_POOL = _function("join_pool", MEMBER, _POOL, NOW, WALL, CLAIM, _ACTOR)
_LEAVE_POOL = _function("leave_pool", MEMBER, _POOL, NOW, WALL, CLAIM, POINTS, _ACTOR)
_MERGE = _function("merge", MEMBER, "p_into => CAST(:into AS uuid)", NOW, WALL, CLAIM, _ACTOR)
_FORWARD = _function("forward", MEMBER, NOW, WALL)
_EXTEND = _function(
    "extend",
    MEMBER,
    NOW,
    CLAIM,
    "p_lot => CAST(:lot AS bigint)",
    POINTS,
    "p_expires_on => CAST(:expires_on AS date)",
    _ACTOR,
)
_ADJUST_UP = _function(
    "adjust_up", MEMBER, NOW, CLAIM, "p_grant => CAST(:grant AS jsonb)", *_PEOPLE
)
_ADJUST_DOWN = _function("adjust_down", MEMBER, NOW, CLAIM, _ISSUER, POINTS, *_PEOPLE)
_WRITE_OFF = _function("write_off", MEMBER, NOW, CLAIM, _ISSUER, POINTS, *_PEOPLE)
_CLOSE_ACCOUNT = _function("close_account", MEMBER, NOW, WALL, CLAIM, _ACTOR)


def transfer(
    connection: Connection | Session,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    taker: UUID,
    points: int,
    actor: str = "member",
) -> Posted:
    """Give ``points`` to another member: unlocked, spendable ones, with issuer and expiry.

    The result has ``points``, ``taker_sequence`` (the taker's entry), ``repaid`` (of the taker's
    debts) and the giver's ``balance``.
    """
    return _post(
        connection,
        _TRANSFER,
        member_id,
        {"now": now, "wall": wall, "taker": taker, "points": points, "actor": actor}
        | claim_parameters(claim),
    )


def join_pool(
    connection: Connection | Session,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    pool: UUID,
    actor: str = "member",
) -> Posted:
    """Move a person's whole wallet, debts too, into a shared one; the person's own is closed.

    The result has ``points``, ``debt``, ``taker_sequence`` (the pool's entry) and ``repaid``.
    Raises OpenHolds while merchants hold points of the person's wallet.
    """
    return _post(
        connection,
        _JOIN_POOL,
        member_id,
        {"now": now, "wall": wall, "pool": pool, "actor": actor} | claim_parameters(claim),
    )


def leave_pool(
    connection: Connection | Session,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    pool: UUID,
    points: int,
    actor: str = "member",
) -> Posted:
    """Give a person a wallet of their own again, with ``points`` of the pool's (0: none).

    Raises NotInPool where the person did not join that pool or has left it.
    """
    return _post(
        connection,
        _LEAVE_POOL,
        member_id,
        {"now": now, "wall": wall, "pool": pool, "points": points, "actor": actor}
        | claim_parameters(claim),
    )


def merge(
    connection: Connection | Session,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    into: UUID,
    actor: str,
) -> Posted:
    """Move a member's whole wallet into another's for good, debts and references too."""
    return _post(
        connection,
        _MERGE,
        member_id,
        {"now": now, "wall": wall, "into": into, "actor": actor} | claim_parameters(claim),
    )


def forward(
    connection: Connection | Session, *, now: datetime, wall: datetime, member_id: UUID
) -> Posted | None:
    """Take along what refunds left in a wallet that had moved; None where nothing was left."""
    row = _one(connection, _FORWARD, {"member_id": member_id, "now": now, "wall": wall})
    return None if row.sequence is None else _posted(member_id, row)


def extend(
    connection: Connection | Session,
    *,
    now: datetime,
    claim: Claim,
    member_id: UUID,
    lot: int,
    points: int | None,
    expires_on: date,
    actor: str,
) -> Posted:
    """Let ``points`` of a lot (all where None) live until ``expires_on``, in a child lot.

    The result has ``points``, ``lot`` (the child) and ``expires_on``.
    """
    return _post(
        connection,
        _EXTEND,
        member_id,
        {"now": now, "lot": lot, "points": points, "expires_on": expires_on, "actor": actor}
        | claim_parameters(claim),
    )


def adjust_up(
    connection: Connection | Session,
    *,
    now: datetime,
    claim: Claim,
    member_id: UUID,
    issuer_id: UUID,
    terms_id: UUID,
    price: Decimal,
    points: int,
    active_from: date,
    expires_on: date,
    approval: Approval,
) -> Posted:
    """Grant points that no purchase earned; the result has ``points`` and ``repaid``."""
    grant = {
        "issuer_id": str(issuer_id),
        "terms_id": str(terms_id),
        "price": str(price),
        "points": points,
        "active_from": active_from.isoformat(),
        "expires_on": expires_on.isoformat(),
    }
    return _post(
        connection,
        _ADJUST_UP,
        member_id,
        {"now": now, "grant": json.dumps(grant)} | _people(approval) | claim_parameters(claim),
    )


def adjust_down(
    connection: Connection | Session,
    *,
    now: datetime,
    claim: Claim,
    member_id: UUID,
    issuer_id: UUID,
    points: int,
    approval: Approval,
) -> Posted:
    """Take available points of one issuer away; InsufficientPoints where there are fewer."""
    return _post(
        connection,
        _ADJUST_DOWN,
        member_id,
        {"now": now, "issuer_id": issuer_id, "points": points}
        | _people(approval)
        | claim_parameters(claim),
    )


def write_off(
    connection: Connection | Session,
    *,
    now: datetime,
    claim: Claim,
    member_id: UUID,
    issuer_id: UUID,
    points: int,
    approval: Approval,
) -> Posted:
    """Forgive ``points`` of what a member owes an issuer."""
    return _post(
        connection,
        _WRITE_OFF,
        member_id,
        {"now": now, "issuer_id": issuer_id, "points": points}
        | _people(approval)
        | claim_parameters(claim),
    )


def close_account(
    connection: Connection | Session,
    *,
    now: datetime,
    wall: datetime,
    claim: Claim,
    member_id: UUID,
    actor: str = "member",
) -> Posted:
    """Close a wallet for good; what remains expires. Raises OpenHolds or OpenDebt.

    The result has ``points``, those that expired.
    """
    return _post(
        connection,
        _CLOSE_ACCOUNT,
        member_id,
        {"now": now, "wall": wall, "actor": actor} | claim_parameters(claim),
    )


def _people(approval: Approval) -> dict[str, object]:
    return {
        "proposer": approval.proposer,
        "approver": approval.approver,
        "reason": approval.reason,
    }
