"""What goes into an operation of the ledger and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from network.lean import lean


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A request's idempotency key: who chose it, the key, SHA-256 of what was asked."""

    client_id: UUID
    key: str
    fingerprint: bytes


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The signed request behind an entry, as it arrived (RFC 9421 signature base and signature)."""

    key_id: str
    signature_base: bytes
    signature: bytes
    body: bytes


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened at the merchant, in its own words.

    ``merchant_ref`` is the merchant's name for it (unique per member and kind; may be empty for a
    capture or void, which then has that of its authorisation). ``amount`` is the purchase in minor
    units of ``currency``, ``base`` the part that can earn, the whole amount where it is None.
    """

    merchant_id: UUID
    merchant_ref: str
    effective_at: datetime
    store_id: UUID | None = None
    terminal: str | None = None
    receipt: str | None = None
    channel: str = "in_store"
    amount: int | None = None
    base: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Points of one issuer for one line of a purchase.

    ``base`` is that line's earning base in minor units, the same in every grant of the line;
    ``price`` what the issuer owes per point (minor units) by ``terms_id``, its agreement.
    ``expires_on`` is the first day on which the points can't be used. ``locked_to`` names the one
    merchant that may take them, None where all may. ``campaign_id`` names the campaign that they
    come from, whose budget the purchase's ``Takings`` take them from.
    """

    issuer_id: UUID
    terms_id: UUID
    price: Decimal
    points: int
    base: int
    active_from: date
    expires_on: date
    line: int
    locked_to: UUID | None = None
    campaign_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantKind:
    """What grants that differ in points and base only have in common."""

    issuer_id: UUID
    terms_id: UUID
    price: Decimal
    active_from: date
    expires_on: date
    locked_to: UUID | None = None
    campaign_id: UUID | None = None
    row: str = field(init=False, repr=False, compare=False)
    """The kind as a row of ``ledger.grant_facts``, without points, base and line."""

    def __post_init__(self) -> None:
        locked_to = "" if self.locked_to is None else self.locked_to
        campaign_id = "" if self.campaign_id is None else self.campaign_id
        row = (
            f"({self.issuer_id},{campaign_id},{self.terms_id},{locked_to},{self.price},,,"
            f"{self.active_from},{self.expires_on},)"
        )
        object.__setattr__(self, "row", row)


@lean
@dataclass(frozen=True, slots=True)
class AlikeGrants:
    """Grants of one purchase that are of one kind, one for each of its lines."""

    kind: GrantKind
    points: Sequence[int]
    bases: Sequence[int]

    @classmethod
    def of(cls, grants: Sequence[Grant]) -> AlikeGrants | None:
        """Return grants as one of these, ``None`` where they are none, or not alike.

        What campaigns give is taken from their budgets, one by one.
        """
        if not grants:
            return None
        first = grants[0]
        for line, grant in enumerate(grants):
            same = replace(first, points=grant.points, base=grant.base, line=line)
            if grant != same or grant.campaign_id is not None:
                return None
        kind = GrantKind(
            issuer_id=first.issuer_id,
            terms_id=first.terms_id,
            price=first.price,
            active_from=first.active_from,
            expires_on=first.expires_on,
            locked_to=first.locked_to,
        )
        return cls(kind, [grant.points for grant in grants], [grant.base for grant in grants])


@dataclass(frozen=True, slots=True)
class MixedGrants:
    """Grants of one purchase, of several kinds: each kind once, in the order of the grants.

    A part is a grant: line, base, points, and the place of its kind from 1 (0: it has no points).
    """

    kinds: Sequence[GrantKind]
    parts: Sequence[tuple[int, int, int, int]]

    @classmethod
    def of(cls, grants: Sequence[Grant]) -> MixedGrants:
        """Return any grants as these."""
        places: dict[GrantKind, int] = {}
        parts = []
        for grant in grants:
            place = 0
            if grant.points:
                kind = GrantKind(
                    issuer_id=grant.issuer_id,
                    terms_id=grant.terms_id,
                    price=grant.price,
                    active_from=grant.active_from,
                    expires_on=grant.expires_on,
                    locked_to=grant.locked_to,
                    campaign_id=grant.campaign_id,
                )
                place = places.setdefault(kind, len(places) + 1)
            parts.append((grant.line, grant.base, grant.points, place))
        return cls(list(places), parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """What a purchase takes out of campaigns' budgets, points by campaign.

    ``sequence`` is the wallet's as the price knew it, None where the price depends on no history:
    the ledger refuses with ``stale`` where the wallet has moved on.
    """

    sequence: int | None
    campaigns: Mapping[UUID, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A member's rotating code: good once, until ``expires_at`` (wall time), up to ``limit``."""

    digest: bytes
    expires_at: datetime
    limit: int


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The entry that a call wrote, or had written before (``replayed``), with its result."""

    member_id: UUID
    sequence: int
    business_date: date
    replayed: bool
    result: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The two operators behind a correction, and why it is made."""

    proposer: UUID
    approver: UUID
    reason: str
