"""Many wallets in one call: a merchant's batch of earnings, and what is due in the night.

The conventions are those of ``network.ledger.operations``; both lock their wallets in the order of
``member_id``, at most 1,000 in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from network.ledger.arguments import (
    EVIDENCE,
    NOW,
    event_parameters,
    evidence_parameters,
    grant_parameters,
)
from network.ledger.calling import function as _function
from network.ledger.calling import one as _one
from network.ledger.calling import rows as _rows
from network.ledger.errors import Refusal, refusal_of
from network.ledger.values import Claim, Event, Evidence, Grant, Posted

LARGEST_BATCH = 1_000

_EARN_BATCH = _function("earn_batch", NOW, "p_items => CAST(:items AS jsonb)", EVIDENCE)
_EXPIRE_DUE = _function("expire_due", NOW, "p_limit => CAST(:limit AS integer)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEarning:
    """One purchase of a batch, with the arguments that ``operations.earn`` takes."""

    member_id: UUID
    claim: Claim
    event: Event
    grants: Sequence[Grant]
    explanation: list[dict[str, Any]]


def earn_batch(
    connection: Connection | Session,
    *,
    now: datetime,
    earnings: Sequence[BatchEarning],
    evidence: Evidence | None,
) -> list[Posted | Refusal]:
    """Post up to 1,000 purchases in one transaction; return what became of each, in their order.

    A refusal is an outcome of its row alone. ``evidence`` is the request that brought the batch,
    kept once, with the first entry that it posted.
    """
    if not earnings:
        return []
    found = _rows(
        connection,
        _EARN_BATCH,
        {"now": now, "items": json.dumps([_item(each) for each in earnings], ensure_ascii=False)}
        | evidence_parameters(evidence),
    )
    return [_outcome(row) for row in found]


def expire_due(connection: Connection | Session, *, now: datetime, limit: int) -> int:
    """Expire and activate the due lots of up to ``limit`` wallets; return how many were due.

    Zero means that nothing is left. Killed or run twice, it comes to the same total.
    """
    done: int = _one(connection, _EXPIRE_DUE, {"now": now, "limit": limit})[0]
    return done


def _item(earning: BatchEarning) -> dict[str, Any]:
    event = event_parameters(earning.event)
    return event | {
        "member_id": str(earning.member_id),
        "client_id": str(earning.claim.client_id),
        "key": earning.claim.key,
        "fingerprint": earning.claim.fingerprint.hex(),
        "merchant_id": str(earning.event.merchant_id),
        "store_id": None if earning.event.store_id is None else str(earning.event.store_id),
        "effective_at": earning.event.effective_at.isoformat(),
        "grants": [grant_parameters(grant) for grant in earning.grants],
        "explanation": earning.explanation,
    }


def _outcome(row: Any) -> Posted | Refusal:
    if row.outcome == "refused":
        refusal = refusal_of(row.code)
        return refusal(refusal.sentence, facts=row.facts)
    owner = row.result.get("member_id") if row.outcome == "replayed" else None
    return Posted(
        member_id=UUID(owner) if owner else row.member_id,
        sequence=row.sequence,
        business_date=row.business_date,
        replayed=row.outcome == "replayed",
        result=row.result,
    )
