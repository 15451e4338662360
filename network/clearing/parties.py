"""Who can owe and be owed: merchants, and the network in their middle."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID, uuid5

NETWORK_PARTY = UUID("00000000-0000-7000-8000-000000000000")
"""The network as a party: a UUIDv7 of the year 1970, which no merchant can ever be given."""

NETWORK_NAME = "network"
"""How the network is called where merchants are called by their codes."""


class Account(NamedTuple):
    """An account of the money ledger: whose it is, and what it is for."""

    party_id: UUID
    name: str


POOL = Account(NETWORK_PARTY, "pool")
"""What issuers paid for points when they were given, until somebody takes these points."""

MARGIN = Account(NETWORK_PARTY, "margin")
"""What the network keeps of what issuers pay, and pays for the points of its own campaigns."""

VAT = Account(NETWORK_PARTY, "vat")
"""Value added tax on the network's fees, owed to the tax office."""

BREAKAGE = Account(NETWORK_PARTY, "breakage")
"""What the network keeps of points that lapsed in the pool."""

ROUNDING = Account(NETWORK_PARTY, "rounding")
"""The single units by which sums of rounded amounts differ from the rounded sum."""


def settlement_account(party_id: UUID) -> Account:
    """Return the account of a merchant that is paid, or collected from, in cash."""
    return Account(party_id, "settlement")


def deposit_account(party_id: UUID) -> Account:
    """Return the account that holds what a merchant has paid for its points in advance."""
    return Account(party_id, "deposit")


def account_code(code: str, account: str) -> str:
    """Return how an account is called: a party's main one by its code, others behind a colon."""
    return code if account in {"settlement", "margin"} else f"{code}:{account}"


_NAMESPACE = UUID("5d0f3b52-6f0c-5b8e-9d0a-7c2f6b1e4a90")


def clearing_id(*facts: object) -> UUID:
    """Return the id of a clearing fact (UUIDv5, RFC 9562): the same facts, the same id."""
    return uuid5(_NAMESPACE, "\n".join(str(fact) for fact in facts))


def obligation_key(
    *,
    window_id: UUID,
    kind: str,
    issuer_id: UUID,
    acceptor_id: UUID,
    terms_id: UUID,
    acceptor_terms_id: UUID,
    price: Decimal,
) -> UUID:
    """Return an obligation's id (UUIDv8, RFC 9562), as the database's function of this name does.

    SHA-256 over the bytes of the ids, then the price with ten places, a space and the kind.
    """
    facts = (
        window_id.bytes,
        issuer_id.bytes,
        acceptor_id.bytes,
        terms_id.bytes,
        acceptor_terms_id.bytes,
        f"{price:.10f} {kind}".encode(),
    )
    found = bytearray(sha256(b"".join(facts)).digest()[:16])
    found[6] = found[6] & 0x0F | 0x80
    found[8] = found[8] & 0x3F | 0x80
    return UUID(bytes=bytes(found))
