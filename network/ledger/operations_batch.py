"""Many wallets in one call: a merchant's batch of earnings, and what is due in the night.

The conventions are those of ``network.ledger.operations``; both lock their wallets in the order of
``member_id``, at most 1,000 in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from network.ledger.arguments import NOW
from network.ledger.batch_arguments import (
    EARN_BATCH,
    EARN_IN_CAMPAIGNS,
    BatchEarning,
    CampaignEarning,
    batch_parameters,
    campaign_parameters,
)
from network.ledger.calling import function as _function
from network.ledger.calling import one as _one
from network.ledger.calling import rows as _rows
from network.ledger.errors import Refusal
from network.ledger.errors_by_code import refusal_of
from network.ledger.values import Posted

LARGEST_BATCH = 1_000

_EXPIRE_DUE = _function("expire_due", NOW, "p_limit => CAST(:limit AS integer)")


def earn_batch(
    connection: Connection | Session, *, now: datetime, earnings: Sequence[BatchEarning]
) -> list[Posted | Refusal]:
    """Post up to 1,000 purchases in one transaction; return what became of each, in their order.

    All are of one merchant, whose keys the claims are (ValueError otherwise). A refusal is an
    outcome of its row alone. The signed request that brought them is kept by the caller, in the
    same transaction (``network.batches``).
    """
    if not earnings:
        return []
    found = _rows(connection, EARN_BATCH, {"now": now} | batch_parameters(earnings))
    return [_outcome(row) for row in found]


def earn_in_campaigns(
    session: Session, *, now: datetime, earnings: Sequence[CampaignEarning]
) -> list[Posted | Refusal]:
    """Post up to 1,000 purchases in the caller's transaction; say what became of each, in order.

    All are of one merchant (ValueError otherwise). What fits into budgets is posted together, what
    does not, or is not plain, after it. Each refusal is an outcome of its own; CampaignExhausted
    and the like say that the purchase has to be priced again, in another transaction: this one may
    hold no more slices.
    """
    if not earnings:
        return []
    found = _rows(session, EARN_IN_CAMPAIGNS, {"now": now} | campaign_parameters(earnings))
    return [_outcome(row) for row in found]


def expire_due(connection: Connection | Session, *, now: datetime, limit: int) -> int:
    """Expire and activate the due lots of up to ``limit`` wallets; return how many were due.

    Zero means that nothing is left. Killed or run twice, it comes to the same total.
    """
    done: int = _one(connection, _EXPIRE_DUE, {"now": now, "limit": limit})[0]
    return done


def _outcome(row: Any) -> Posted | Refusal:
    if row.outcome == "refused":
        refusal = refusal_of(row.code)
        return refusal(refusal.sentence, facts=row.facts)
    result = _result(row) if row.result is None else row.result
    owner = result.get("member_id") if row.outcome == "replayed" else None
    return Posted(
        member_id=UUID(owner) if owner else row.member_id,
        sequence=row.sequence,
        business_date=row.business_date,
        replayed=row.outcome == "replayed",
        result=result,
    )


def _result(row: Any) -> dict[str, Any]:
    """Return what ``operations.earn`` answers with, for an item that was posted together."""
    return {
        "points": row.points,
        "state": "available" if row.active else "pending",
        "active_from": row.active_from.isoformat(),
        "expires_on": row.expires_on.isoformat(),
        "repaid": 0,
        "balance": {
            "available": row.available,
            "pending": row.pending,
            "held": row.held,
            "debt": 0,
        },
    }
