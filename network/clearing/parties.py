"""Who can owe and be owed: merchants, and the network in their middle."""

from __future__ import annotations

from uuid import UUID, uuid5

NETWORK_PARTY = UUID("00000000-0000-7000-8000-000000000000")
"""The network as a party: a UUIDv7 of the year 1970, which no merchant can ever be given."""

NETWORK_NAME = "network"
"""How the network is called where merchants are called by their codes."""

_NAMESPACE = UUID("5d0f3b52-6f0c-5b8e-9d0a-7c2f6b1e4a90")


def clearing_id(*facts: object) -> UUID:
    """Return the id of a clearing fact (UUIDv5, RFC 9562): the same facts, the same id."""
    return uuid5(_NAMESPACE, "\n".join(str(fact) for fact in facts))
