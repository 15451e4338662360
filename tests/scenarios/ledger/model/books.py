"""The model's books: plain rows, and the one way in which points move between them.

Fields are named as the ledger's columns, so that rows can be compared as they are.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

COLUMN = {
    "available": "remaining",
    "pending": "remaining",
    "held": "held",
    "redemption": "redeemed",
    "expiry": "expired",
    "clawback": "clawed_back",
    "transfer": "moved",
    "adjustment": "clawed_back",
}
"""Which of a lot's columns follows which account (the page's table, third column)."""

GRANTING = ("issuance", "adjustment", "transfer")
"""The accounts whose points come into a wallet as a new lot."""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a malfunction
    """The rules forbid the call; the facts are those that a caller acts upon."""

    def __init__(self, code: str, **facts: int) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(kw_only=True)
class Lot:
    """Points of one issuer with one life."""

    lot_id: int
    issuer_id: UUID
    terms_id: UUID
    price: str
    active: bool
    active_from: date
    expires_on: date
    parent_lot_id: int | None = None
    campaign_id: UUID | None = None
    locked_to: UUID | None = None
    granted: int = 0
    remaining: int = 0
    held: int = 0
    redeemed: int = 0
    expired: int = 0
    clawed_back: int = 0
    moved: int = 0


@dataclass(kw_only=True)
class Movement:
    """source → target: two postings of the same issuer, terms and (but for a child) lot."""

    source: str
    target: str
    points: int
    issuer_id: UUID
    lot_id: int | None = None
    target_lot_id: int | None = None
    terms_id: UUID | None = None
    acceptor_id: UUID | None = None
    priced_on: date | None = None


@dataclass(kw_only=True)
class Entry:
    """One business event."""

    sequence: int
    business_date: date
    kind: str
    actor: str
    merchant_id: UUID | None = None
    merchant_ref: str | None = None
    amount: int | None = None
    base: int | None = None
    original_sequence: int | None = None
    original_date: date | None = None
    explanation: list[dict[str, Any]] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)


@dataclass(kw_only=True)
class Slice:
    """What an authorisation took from one lot."""

    lot_id: int
    points: int
    captured: int = 0


@dataclass(kw_only=True)
class Hold:
    """An authorisation."""

    sequence: int
    merchant_id: UUID
    merchant_ref: str
    points: int
    hold_until: datetime
    state: str = "authorised"
    captured: int = 0
    capture_sequence: int | None = None
    ended_sequence: int | None = None
    slices: list[Slice] = field(default_factory=list)


@dataclass(kw_only=True)
class Consumed:
    """What a redemption or capture took from one lot; priced on its business date."""

    lot_id: int
    acceptor_id: UUID
    business_date: date
    points: int
    refunded: int = 0


@dataclass(kw_only=True)
class Earned:
    """What a refund may still take back of one grant; line -1 is the rest, which earned nothing."""

    line: int
    issuer_id: UUID
    lot_id: int | None
    base: int
    points: int
    refunded: int = 0
    clawed_back: int = 0


@dataclass(kw_only=True)
class Reference:
    """A merchant's name for an event: used, free (voided), barred (reversed), moved (elsewhere)."""

    state: str
    sequence: int
    moved_from: UUID | None = None


@dataclass(kw_only=True)
class Counted:
    """What a person had of a campaign, and on the last such day; ``brought``: of it elsewhere."""

    points: int
    day: date
    day_points: int
    brought: int = 0
    brought_day: int = 0


@dataclass(kw_only=True)
class Wallet:
    """Everything that the ledger knows of one member; its figures follow from lots and debts."""

    status: str = "active"
    moved_to: UUID | None = None
    lots: dict[int, Lot] = field(default_factory=dict)
    debts: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    entries: list[Entry] = field(default_factory=list)
    holds: dict[int, Hold] = field(default_factory=dict)
    earned: dict[int, list[Earned]] = field(default_factory=dict)
    consumed: dict[int, list[Consumed]] = field(default_factory=dict)
    references: dict[tuple[UUID, str, str], Reference] = field(default_factory=dict)
    codes: set[bytes] = field(default_factory=set)
    campaigns: dict[UUID, Counted] = field(default_factory=dict)
    locked_there: bool = False

    def figures(self) -> dict[str, int]:
        """Return what the member's wallet shows."""
        lots = self.lots.values()
        return {
            "available": sum(lot.remaining for lot in lots if lot.active),
            "pending": sum(lot.remaining for lot in lots if not lot.active),
            "held": sum(lot.held for lot in lots),
            "debt": sum(self.debts.values()),
        }

    def open_lots(self) -> list[Lot]:
        """Return the lots with something left, earliest expiry first, then by number."""
        return sorted(
            (lot for lot in self.lots.values() if lot.remaining),
            key=lambda lot: (lot.expires_on, lot.lot_id),
        )

    def joined(self) -> bool:
        """Return whether the wallet moved by a join, not by a merge."""
        moves = [entry.kind for entry in self.entries if entry.kind in {"join", "merge"}]
        return self.moved_to is not None and moves[-1] == "join"

    def entry(self, sequence: int) -> Entry | None:
        """Return an entry by its number."""
        return self.entries[sequence - 1] if 0 < sequence <= len(self.entries) else None

    def move(
        self,
        source: str,
        target: str,
        points: int,
        lot: Lot,
        *,
        acceptor: UUID | None = None,
        priced_on: date | None = None,
        child: Lot | None = None,
    ) -> None:
        """Move points of a lot between two accounts, in the newest entry.

        An extension (available to available) credits nobody, so it repays nothing.
        """
        if source in GRANTING:
            lot.granted += points
        else:
            _add(lot, COLUMN[source], -points)
        if child is None:
            _add(lot, COLUMN[target], points)
        else:
            lot.moved += points
            child.granted += points
            child.remaining += points
        if (source, target) == ("pending", "available"):
            lot.active = True
        self.entries[-1].movements.append(
            Movement(
                source=source,
                target=target,
                points=points,
                issuer_id=lot.issuer_id,
                lot_id=lot.lot_id,
                target_lot_id=(child or lot).lot_id,
                terms_id=lot.terms_id,
                acceptor_id=acceptor,
                priced_on=priced_on,
            )
        )
        if target == "available" != source:
            self._repay(child or lot, points)

    def _repay(self, lot: Lot, credited: int) -> None:
        """R: every credit of an issuer's points to available repays what is owed to that issuer."""
        paid = min(self.debts.get(lot.issuer_id, 0), credited)
        if paid:
            self.move("available", "clawback", paid, lot)
            self.owe(lot.issuer_id, -paid)

    def owe(self, issuer: UUID, points: int) -> None:
        """Add to the debt with an issuer, or take off it where points are below zero."""
        self.debts[issuer] += points
        source, target = ("debt", "receivable") if points > 0 else ("receivable", "debt")
        self.entries[-1].movements.append(
            Movement(source=source, target=target, points=abs(points), issuer_id=issuer)
        )

    def repaid(self) -> int:
        """Return what the newest entry repaid of debts."""
        return sum(m.points for m in self.entries[-1].movements if m.target == "debt")


def _add(lot: Lot, column: str, points: int) -> None:
    setattr(lot, column, getattr(lot, column) + points)
