"""How a batch of earnings is written as arrays for ``ledger.earn_batch``.

The arrays are written here as PostgreSQL reads them, because a driver looks at the type of every
element; that took longer than posting them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from network.ledger.arguments import NOW, grant_parameters
from network.ledger.calling import function
from network.ledger.values import Claim, Event, Grant

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_COLUMNS = {
    "members": "uuid",
    "keys": "text",
    "fingerprints": "bytea",
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
    "kind": "integer",
    "grants": "text",
    "counts": "integer",
    "line_items": "integer",
    "line_points": "bigint",
    "line_bases": "bigint",
}
EARN_BATCH = function(
    "earn_batch",
    NOW,
    "p_merchant => CAST(:merchant AS uuid)",
    *(f"p_{name} => CAST(:{name} AS {kind}[])" for name, kind in _COLUMNS.items()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEarning:
    """One purchase of a batch, with the arguments that ``operations.earn`` takes.

    Without a ``claim`` its reference alone keeps it from being posted twice.
    """

    member_id: UUID
    claim: Claim | None
    event: Event
    grants: Sequence[Grant]
    explanation: list[dict[str, Any]]


def batch_parameters(earnings: Sequence[BatchEarning]) -> dict[str, Any]:
    """Return the bound values of ``EARN_BATCH`` but ``now``.

    Raises ValueError unless all are of one merchant, whose keys the claims are.
    """
    merchant_id = earnings[0].event.merchant_id
    if any(
        each.event.merchant_id != merchant_id
        or (each.claim is not None and each.claim.client_id != merchant_id)
        for each in earnings
    ):
        raise ValueError("the earnings of a batch are of one merchant")
    events = [each.event for each in earnings]
    claims = [each.claim for each in earnings]
    kinds: dict[tuple[Any, ...], int] = {}
    kind: list[int | None] = []
    counts, line_items, line_points, line_bases = [], [], [], []
    for place, each in enumerate(earnings, 1):
        plain = _kind(each.grants)
        kind.append(None if plain is None else kinds.setdefault(plain, len(kinds) + 1))
        counts.append(0 if plain is None else len(each.grants))
        for grant in each.grants if plain else ():
            line_items.append(place)
            line_points.append(grant.points)
            line_bases.append(grant.base)
    return {
        "merchant": merchant_id,
        "members": _array(each.member_id for each in earnings),
        "keys": _texts(None if claim is None else claim.key for claim in claims),
        "fingerprints": _texts(
            None if claim is None else f"\\x{claim.fingerprint.hex()}" for claim in claims
        ),
        "refs": _texts(event.merchant_ref for event in events),
        "effective": _array(event.effective_at.isoformat() for event in events),
        "stores": _array(event.store_id for event in events),
        "terminals": _texts(event.terminal for event in events),
        "receipts": _texts(event.receipt for event in events),
        "channels": _texts(event.channel for event in events),
        "amounts": _array(event.amount for event in events),
        "bases": _array(event.base for event in events),
        "currencies": _texts(event.currency for event in events),
        "explanations": _texts(_encode(each.explanation) for each in earnings),
        "kinds": _texts(_row(values) for values in kinds),
        "kind": _array(kind),
        "grants": _texts(
            None
            if found is not None
            else _encode([grant_parameters(grant) for grant in each.grants])
            for each, found in zip(earnings, kind, strict=True)
        ),
        "counts": _array(counts),
        "line_items": _array(line_items),
        "line_points": _array(line_points),
        "line_bases": _array(line_bases),
    }


def _kind(grants: Sequence[Grant]) -> tuple[Any, ...] | None:
    """Return what all grants share, ``None`` unless they are one of a kind for each line.

    What campaigns give is taken from their budgets, one by one.
    """
    kind: tuple[Any, ...] | None = None
    for line, grant in enumerate(grants):
        own = (
            grant.issuer_id,
            grant.terms_id,
            grant.locked_to,
            grant.price,
            grant.active_from,
            grant.expires_on,
        )
        if (
            grant.line != line
            or grant.campaign_id is not None
            or (kind is not None and own != kind)
        ):
            return None
        kind = own
    return kind


def _row(kind: tuple[Any, ...]) -> str:
    """Return a kind as a row of ``ledger.grant_facts``, without points, base and line."""
    issuer_id, terms_id, locked_to, price, active_from, expires_on = kind
    return f"({issuer_id},,{terms_id},{locked_to or ''},{price},,,{active_from},{expires_on},)"


def _array(values: Iterable[Any]) -> str:
    """Return an array of values that need no quotes."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _texts(values: Iterable[str | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    return f'"{text}"'
