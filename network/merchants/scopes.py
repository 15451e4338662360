"""What a key may open: scopes named like the resources of the gateway."""

from __future__ import annotations

from collections.abc import Iterable

MEMBERS = "members"
EARNINGS = "earnings"
REDEMPTIONS = "redemptions"
REFUNDS = "refunds"
TRANSACTIONS = "transactions"
SETTLEMENTS = "settlements"
WEBHOOKS = "webhooks"
KEYS = "keys"

SCOPES = (MEMBERS, EARNINGS, REDEMPTIONS, REFUNDS, TRANSACTIONS, SETTLEMENTS, WEBHOOKS, KEYS)
"""Every scope, in the order in which they are shown."""


def ordered(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return ``scopes`` without repetition in the usual order; raise ValueError on others."""
    wanted = set(scopes)
    if unknown := wanted - set(SCOPES):
        raise ValueError(", ".join(sorted(unknown)))
    return tuple(scope for scope in SCOPES if scope in wanted)
