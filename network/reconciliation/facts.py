"""The values that reconciliation works with: frozen, free of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

Form = Literal["csv", "jsonl"]
FORMS: tuple[Form, ...] = ("csv", "jsonl")

EARN, REDEEM, REFUND_EARN, REFUND_REDEEM = "earn", "redeem", "refund_earn", "refund_redeem"
TYPES = (EARN, REDEEM, REFUND_EARN, REFUND_REDEEM)
"""What a line reports, in the words of a batch's lines."""

DONE, AUTHORISED, VOIDED = "done", "authorised", "voided"
STATUSES = (DONE, AUTHORISED, VOIDED)
"""How a line ended: points moved for good, are held, or were given back before they moved."""

KINDS = (
    "missing_here",
    "missing_there",
    "duplicate",
    "member_differs",
    "status_differs",
    "amount_differs",
    "points_differ",
    "date_differs",
)
"""Every kind of break. Where several apply to one pair, the first of these names it."""

ACCEPT_OURS, ACCEPT_THEIRS = "accept_ours", "accept_theirs"
POST_EARN, ADJUST_POINTS, ADJUST_MONEY = "post_earn", "adjust_points", "adjust_money"
WRITE_OFF = "write_off"
RESOLUTIONS = (ACCEPT_OURS, ACCEPT_THEIRS, POST_EARN, ADJUST_POINTS, ADJUST_MONEY, WRITE_OFF)
"""What may become of a break. Keeping our figure and writing the difference off move nothing."""

SAID, ANSWERED, CONCEDED = "said", "answered", "conceded"
"""Lines of a break's history: the merchant's words, ours to it, and that it takes our figure."""

SHARED_ACTIONS = (
    *("opened", "changed", "reopened", "gone"),
    *(SAID, ANSWERED, CONCEDED, "resolved", "posted", "declined"),
)
"""What of a break's history its merchant sees; who owns it and comments stay among operators."""

DISPUTE_REASONS = ("points", "amount", "member", "status", "not_ours", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a line of a record (counted from 1); ``field`` is empty for all of it."""

    line: int
    field: str
    code: str

    def record(self) -> dict[str, Any]:
        """Return the fault as plain JSON."""
        return {"line": self.line, "field": self.field, "code": self.code}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A record that was taken in now or, byte for byte the same, before (``known``)."""

    reconciliation_id: UUID
    version: int
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationView:
    """One version of a merchant's record of a day, and what matching came to.

    ``lines`` and ``entries`` count the two sides; ``agreeing`` are pairs without a difference,
    ``idle_lines`` those that moved nothing on either side. ``faults`` are the first hundred of
    ``faulty``; ``failure`` says in a code why the last attempt failed.
    """

    reconciliation_id: UUID
    merchant_id: UUID
    merchant_code: str
    name_fa: str
    name_en: str
    business_date: date
    version: int
    form: str
    digest: bytes
    size: int
    sent_by: str
    received_at: datetime
    finished_at: datetime | None
    state: str
    lines: int
    entries: int
    agreeing: int
    idle_lines: int
    breaks: int
    faulty: int
    faults: tuple[Fault, ...]
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakView:
    """A break with both sides as they were found.

    ``theirs`` and ``ours`` have type, merchant_ref, occurred_at, amount, points, status, store,
    terminal and receipt; theirs the member too, ours the business date. ``kinds`` are all
    differences of the pair, ``kind`` the one that names it.
    """

    break_id: UUID
    merchant_id: UUID
    merchant_code: str
    name_fa: str
    name_en: str
    business_date: date
    reconciliation_id: UUID
    kind: str
    kinds: tuple[str, ...]
    line: int | None
    theirs: dict[str, Any] | None
    member_id: UUID | None
    sequence: int | None
    ours: dict[str, Any] | None
    suggestion: str
    state: str
    owner_id: UUID | None
    opened_at: datetime
    closed_at: datetime | None
    resolution: str | None

    def difference(self, name: str) -> int | None:
        """Return the merchant's figure less ours (a missing side counts as nothing)."""
        theirs, ours = (self.theirs or {}).get(name), (self.ours or {}).get(name)
        if theirs is None and self.theirs is not None:
            return None
        return int(theirs or 0) - int(ours or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEventView:
    """One line of a break's history."""

    at: datetime
    actor: str
    action: str
    words: str | None
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakCount:
    """How many breaks of a kind are not closed at a merchant, and since when."""

    merchant_id: UUID
    merchant_code: str
    name_fa: str
    name_en: str
    kind: str
    breaks: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionView:
    """What is to move, or moved, because of a break or a dispute.

    Either ``points`` of the merchant's for a member (``direction`` up or down), or ``amount`` in
    minor units, above zero where the network pays the merchant.
    """

    correction_id: UUID
    merchant_id: UUID
    merchant_code: str
    name_fa: str
    name_en: str
    break_id: UUID | None
    dispute_id: UUID | None
    resolution: str
    member_id: UUID | None
    direction: str | None
    points: int | None
    currency: str | None
    amount: int | None
    reason: str
    state: str
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    business_date: date | None
    adjustment_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeView:
    """A merchant's objection to one line. ``answer`` is the network's word on it, signed."""

    dispute_id: UUID
    merchant_id: UUID
    merchant_code: str
    name_fa: str
    name_en: str
    member_id: UUID
    sequence: int
    business_date: date
    break_id: UUID | None
    reason: str
    words: str
    wanted_points: int | None
    wanted_amount: int | None
    opened_by: str
    opened_at: datetime
    due_at: datetime
    answer: bytes
    answer_key_id: str
    answer_signature: bytes
    state: str
    decided_by: UUID | None
    decided_at: datetime | None
    decision: str | None

    def overdue(self, wall: datetime) -> bool:
        """Return whether it should have been decided by now."""
        return self.decided_at is None and self.due_at <= wall


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeNoteView:
    """What one side said in a dispute."""

    at: datetime
    side: str
    author: str
    action: str
    words: str
