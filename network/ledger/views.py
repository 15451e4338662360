"""What the ledger's queries return."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

HEADLINE_ACCOUNTS = {
    "issuance": ("issuance", -1),
    "activation": ("pending", -1),
    "authorisation": ("held", 1),
    "capture": ("redemption", 1),
    "redemption": ("redemption", 1),
    "void": ("held", -1),
    "release": ("held", -1),
    "expiry": ("expiry", 1),
    "refund_redemption": ("redemption", -1),
}
"""Per kind of entry the account whose postings are its headline, and their sign there."""

OWN_ACCOUNTS = frozenset({"available", "pending", "held", "debt"})
"""The accounts that are the member's: what they add up to is what the member has."""


_PERSON = re.compile(r"merchant:[0-9a-f-]{36} member:([0-9a-f-]{36})")


def person_in(actor: str) -> UUID | None:
    """Return the person whom an entry's actor names beside the merchant (``ledger.person_in``)."""
    found = _PERSON.fullmatch(actor)
    return None if found is None else UUID(found[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWallet:
    """A wallet's row: its figures in points, and from which day on lots of it are due."""

    member_id: UUID
    available: int
    pending: int
    held: int
    debt: int
    sequence: int
    status: str
    due_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletView(StoredWallet):
    """A wallet as the next call that spends will find it; ``sequence`` and ``due_on`` as stored.

    ``spendable`` is what any merchant may take: available without credit locked to one merchant and
    without ``suspended`` points (available ones of issuers that two people suspended), less all
    debt, never below zero.
    """

    spendable: int
    suspended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotView:
    """Points of one issuer with one expiry; ``expires_on`` is the first day without them."""

    member_id: UUID
    lot_id: int
    parent_lot_id: int | None
    issuer_id: UUID
    terms_id: UUID
    price: Decimal
    locked_to: UUID | None
    active: bool
    active_from: date
    expires_on: date
    granted: int
    remaining: int
    held: int
    redeemed: int
    expired: int
    clawed_back: int
    moved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingView:
    """One line of an entry; the lines of an entry sum to zero."""

    line: int
    account: str
    issuer_id: UUID
    acceptor_id: UUID | None
    lot_id: int | None
    terms_id: UUID | None
    priced_on: date | None
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One business event with its postings; ``lots`` are those it touched, where asked for."""

    member_id: UUID
    sequence: int
    business_date: date
    kind: str
    merchant_id: UUID | None
    store_id: UUID | None
    terminal: str | None
    merchant_ref: str | None
    receipt: str | None
    channel: str | None
    amount: int | None
    base: int | None
    currency: str | None
    original_sequence: int | None
    original_date: date | None
    effective_at: datetime
    recorded_at: datetime
    actor: str
    explanation: tuple[dict[str, Any], ...]
    digest: bytes
    postings: tuple[PostingView, ...]
    lots: tuple[LotView, ...] = ()

    def change(self, account: str) -> int:
        """Return by how many points the entry changed ``account`` (debt counts below zero)."""
        return sum(posting.points for posting in self.postings if posting.account == account)

    @property
    def person_id(self) -> UUID:
        """Return whose entry it is: the person whom it names, else the member."""
        return person_in(self.actor) or self.member_id

    @property
    def gain(self) -> int:
        """Return how many points the entry adds to what the member has, below zero what it takes.

        0 where points only move inside the wallet: held, say, or become available.
        """
        return sum(self.change(account) for account in OWN_ACCOUNTS)

    @property
    def points(self) -> int:
        """Return the entry's headline: points earned, redeemed, held, given back or expired.

        The points of a refunded purchase are those taken from lots and those that became debt.
        """
        if self.kind == "refund_issuance":
            return self.change("clawback") + self.change("receivable")
        account, sign = HEADLINE_ACCOUNTS.get(self.kind, ("available", 1))
        return sign * self.change(account)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionView:
    """A redemption from its hold on; ``state`` is authorised, captured, voided or expired."""

    member_id: UUID
    sequence: int
    business_date: date
    merchant_id: UUID
    merchant_ref: str | None
    state: str
    points: int
    captured: int
    refunded: int
    hold_until: datetime | None
    capture_sequence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealView:
    """A closed day's chained digest with its signature."""

    business_date: date
    version: int
    previous_head: bytes
    head: bytes
    entries: int
    movements: int
    key_id: str
    signature: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a merchant's list of entries goes on."""

    business_date: date
    member_id: UUID
    sequence: int
