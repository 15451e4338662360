"""How a batch of earnings is written as arrays for ``ledger.earn_batch``.

What the driver made of such arrays took longer than posting them (``network.database.arrays``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause

from network.database.arrays import array, texts
from network.ledger.arguments import NOW, grant_parameters, parts_array
from network.ledger.calling import function
from network.ledger.values import AlikeGrants, Claim, Event, Grant, MixedGrants

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_PURCHASE = {
    "members": "uuid",
    "refs": "text",
    "effective": "timestamptz",
    "stores": "uuid",
    "terminals": "text",
    "receipts": "text",
    "channels": "text",
    "amounts": "bigint",
    "bases": "bigint",
    "currencies": "text",
    "explanations": "text",
    "kinds": "ledger.grant_facts",
}
_COLUMNS = _PURCHASE | {
    "keys": "text",
    "fingerprints": "bytea",
    "kind": "integer",
    "grants": "text",
    "parts": "text",
}
_IN_CAMPAIGNS = _PURCHASE | {"chosen": "text", "parts": "text", "expected": "bigint"}


def _of_arrays(name: str, columns: dict[str, str]) -> TextClause:
    return function(
        name,
        NOW,
        "p_merchant => CAST(:merchant AS uuid)",
        *(f"p_{column} => CAST(:{column} AS {kind}[])" for column, kind in columns.items()),
    )


EARN_BATCH = _of_arrays("earn_batch", _COLUMNS)
EARN_IN_CAMPAIGNS = _of_arrays("earn_in_campaigns", _IN_CAMPAIGNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEarning:
    """One purchase of a batch, with the arguments that ``operations.earn`` takes.

    Without a ``claim`` its reference alone keeps it from being posted twice. ``alike`` stands in
    the place of ``grants`` where whoever prices knows that they are; ``explanation`` may be JSON.
    """

    member_id: UUID
    claim: Claim | None
    event: Event
    explanation: list[dict[str, Any]] | str
    grants: Sequence[Grant] = ()
    alike: AlikeGrants | None = None


def batch_parameters(earnings: Sequence[BatchEarning]) -> dict[str, Any]:
    """Return the bound values of ``EARN_BATCH`` but ``now``.

    Raises ValueError unless all are of one merchant, whose keys the claims are.
    """
    merchant_id = earnings[0].event.merchant_id
    if any(each.claim is not None and each.claim.client_id != merchant_id for each in earnings):
        raise ValueError("the earnings of a batch are of one merchant")
    claims = [each.claim for each in earnings]
    alike = [each.alike or AlikeGrants.of(each.grants) for each in earnings]
    kinds: dict[str, int] = {}
    kind: list[int | None] = []
    parts: list[str | None] = []
    for grants in alike:
        if grants is None:
            kind.append(None)
            parts.append(None)
            continue
        kind.append(kinds.setdefault(grants.kind.row, len(kinds) + 1))
        parts.append(parts_array(zip(count(), grants.bases, grants.points, strict=False)))
    return {
        **purchase_columns(earnings),
        "keys": texts(None if claim is None else claim.key for claim in claims),
        "fingerprints": texts(
            None if claim is None else f"\\x{claim.fingerprint.hex()}" for claim in claims
        ),
        "kinds": texts(kinds),
        "kind": array(kind),
        "grants": texts(
            None
            if found is not None
            else _encode([grant_parameters(grant) for grant in each.grants])
            for each, found in zip(earnings, alike, strict=True)
        ),
        "parts": texts(parts),
    }


def purchase_columns(earnings: Sequence[BatchEarning | CampaignEarning]) -> dict[str, Any]:
    """Return the values of what purchases are, whoever grants points for them.

    Raises ValueError unless all are of one merchant.
    """
    events = [each.event for each in earnings]
    merchant_id = events[0].merchant_id
    if any(event.merchant_id != merchant_id for event in events):
        raise ValueError("the earnings of a batch are of one merchant")
    return {
        "merchant": merchant_id,
        "members": array(each.member_id for each in earnings),
        "refs": texts(event.merchant_ref for event in events),
        "effective": array(event.effective_at.isoformat() for event in events),
        "stores": array(event.store_id for event in events),
        "terminals": texts(event.terminal for event in events),
        "receipts": texts(event.receipt for event in events),
        "channels": texts(event.channel for event in events),
        "amounts": array(event.amount for event in events),
        "bases": array(event.base for event in events),
        "currencies": texts(event.currency for event in events),
        "explanations": texts(
            said if isinstance(said := each.explanation, str) else _encode(said)
            for each in earnings
        ),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEarning:
    """One purchase with what campaigns add; it has no key.

    What it takes of budgets is what its grants have of campaigns. ``expected`` is the wallet's
    sequence as the price knew it, None where the price depends on no history; ``explanation`` may
    be JSON.
    """

    member_id: UUID
    event: Event
    grants: MixedGrants
    explanation: list[dict[str, Any]] | str
    expected: int | None = None


def campaign_parameters(earnings: Sequence[CampaignEarning]) -> dict[str, Any]:
    """Return the bound values of ``EARN_IN_CAMPAIGNS`` but ``now``.

    Raises ValueError unless all are of one merchant.
    """
    kinds: dict[str, int] = {}
    chosen: list[str] = []
    parts: list[str] = []
    for each in earnings:
        grants = each.grants
        places = [kinds.setdefault(kind.row, len(kinds) + 1) for kind in grants.kinds]
        chosen.append(array(places))
        if len(places) > 1:
            rows = [f"{{{line},{base},{points},{lot}}}" for line, base, points, lot in grants.parts]
        else:
            rows = [f"{{{line},{base},{points}}}" for line, base, points, _ in grants.parts]
        parts.append("{" + ",".join(rows) + "}")
    return {
        **purchase_columns(earnings),
        "kinds": texts(kinds),
        "chosen": texts(chosen),
        "parts": texts(parts),
        "expected": array(each.expected for each in earnings),
    }
