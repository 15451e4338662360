"""The figures of the operators' reports: frozen, free of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerLiability:
    """An issuer's points in wallets: ``owed`` is each lot's points × its price, minor units."""

    issuer_id: UUID
    available: int
    pending: int
    held: int
    owed: Decimal

    @property
    def points(self) -> int:
        """Return all points that members hold of this issuer."""
        return self.available + self.pending + self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class DayEnd:
    """What was outstanding when a business day ended, and what moved on it."""

    business_date: date
    issued: int
    redeemed: int
    outstanding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryMonth:
    """Points that lapse in a month if nobody spends them, and what issuers would owe for them."""

    month: date
    points: int
    owed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBand:
    """Points by how many days ago they became usable: from ``first`` to before ``end``."""

    first: int
    end: int | None
    points: int
    owed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Vintage:
    """The points of a month of issue: what became of them. ``run_out``: none can be spent any more.

    ``granted`` is without what went on to other members, which stands in their lots.
    """

    month: date
    granted: int
    clawed_back: int
    redeemed: int
    expired: int
    outstanding: int
    owed: Decimal
    run_out: bool

    @property
    def net(self) -> int:
        """Return what was granted and not taken back."""
        return self.granted - self.clawed_back


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeCell:
    """Points of an issuer that an acceptor took in a period, less those given back."""

    issuer_id: UUID
    acceptor_id: UUID
    points: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeWindow:
    """The same in one settlement window."""

    window_id: UUID
    first_day: date
    points: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerTrade:
    """A merchant's trade with another that may be named to it, or (``None``) with all others."""

    partner_id: UUID | None
    taken_points: int
    taken_amount: int
    spent_points: int
    spent_amount: int

    @property
    def balance(self) -> int:
        """Return what was owed to the merchant for their points less what they were owed."""
        return self.taken_amount - self.spent_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """A merchant's trade: points of others that it took, its own taken elsewhere, and at home."""

    merchant_id: UUID
    taken_points: int
    taken_amount: int
    spent_points: int
    spent_amount: int
    own_points: int

    @property
    def balance(self) -> int:
        """Return what it was owed for others' points less what others were owed for its own."""
        return self.taken_amount - self.spent_amount
