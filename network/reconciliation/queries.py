"""Reads of records, breaks, corrections and disputes: frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from network.ids import EntryKey
from network.reconciliation.errors import (
    UnknownBreakError,
    UnknownCorrectionError,
    UnknownDisputeError,
    UnknownReconciliationError,
)
from network.reconciliation.facts import (
    ANSWERED,
    CONCEDED,
    SAID,
    SHARED_ACTIONS,
    BreakCount,
    BreakEventView,
    BreakView,
    CorrectionView,
    DisputeNoteView,
    DisputeView,
    Fault,
    ReconciliationView,
)

_MERCHANT = "m.code AS merchant_code, m.name_fa, m.name_en"
_RECONCILIATIONS = f"""
    SELECT r.*, {_MERCHANT} FROM network.reconciliation AS r
    JOIN network.merchant AS m ON m.merchant_id = r.merchant_id
"""
_BREAKS = f"""
    SELECT b.*, {_MERCHANT} FROM network.reconciliation_break AS b
    JOIN network.merchant AS m ON m.merchant_id = b.merchant_id
"""
_CORRECTIONS = f"""
    SELECT c.*, {_MERCHANT}, a.member_id, a.kind AS direction, a.points
    FROM network.correction AS c
    JOIN network.merchant AS m ON m.merchant_id = c.merchant_id
    LEFT JOIN network.adjustment AS a ON a.adjustment_id = c.adjustment_id
"""
_DISPUTES = f"""
    SELECT d.*, {_MERCHANT} FROM network.dispute AS d
    JOIN network.merchant AS m ON m.merchant_id = d.merchant_id
"""


def reconciliation(
    session: Session, *, reconciliation_id: UUID, merchant_id: UUID | None = None
) -> ReconciliationView:
    """Return a record, of a merchant where one is named; raise UnknownReconciliationError."""
    row = session.execute(
        text(
            f"{_RECONCILIATIONS} WHERE r.reconciliation_id = :id"
            " AND (CAST(:merchant AS uuid) IS NULL OR r.merchant_id = :merchant)"
        ),
        {"id": reconciliation_id, "merchant": merchant_id},
    ).one_or_none()
    if row is None:
        raise UnknownReconciliationError("there is no such record")
    return _reconciliation(row)


def reconciliations(
    session: Session,
    *,
    merchant_id: UUID | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[ReconciliationView]:
    """Return records, the latest first, all merchants' where none is named; ``before`` pages."""
    rows = session.execute(
        text(
            f"{_RECONCILIATIONS}"
            " WHERE (CAST(:merchant AS uuid) IS NULL OR r.merchant_id = :merchant)"
            " AND (CAST(:before AS uuid) IS NULL OR r.reconciliation_id < :before)"
            " ORDER BY r.reconciliation_id DESC LIMIT :limit"
        ),
        {"merchant": merchant_id, "before": before, "limit": limit},
    )
    return [_reconciliation(row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which breaks to list; what is None does not matter. ``state``: not_closed, or one of them."""

    merchant_id: UUID | None = None
    reconciliation_id: UUID | None = None
    kind: str | None = None
    state: str | None = None
    day: date | None = None
    owner_id: UUID | None = None
    after: UUID | None = None


def breaks(session: Session, *, wanted: Wanted, limit: int) -> list[BreakView]:
    """Return breaks in the order in which they were opened."""
    tests = {
        "merchant_id": "b.merchant_id = :merchant_id",
        "reconciliation_id": "b.reconciliation_id = :reconciliation_id",
        "kind": "b.kind = :kind",
        "state": "CASE :state WHEN 'not_closed' THEN b.closed_at IS NULL ELSE b.state = :state END",
        "day": "b.business_date = :day",
        "owner_id": "b.owner_id = :owner_id",
        "after": "b.break_id > :after",
    }
    asked = {name: value for name in tests if (value := getattr(wanted, name)) is not None}
    where = " AND ".join(tests[name] for name in asked) or "true"
    rows = session.execute(
        text(f"{_BREAKS} WHERE {where} ORDER BY b.break_id LIMIT :limit"),
        {**asked, "limit": limit},
    )
    return [_break(row) for row in rows]


def one_break(session: Session, *, break_id: UUID, merchant_id: UUID | None = None) -> BreakView:
    """Return a break, of a merchant where one is named; raise UnknownBreakError."""
    row = session.execute(
        text(
            f"{_BREAKS} WHERE b.break_id = :id"
            " AND (CAST(:merchant AS uuid) IS NULL OR b.merchant_id = :merchant)"
        ),
        {"id": break_id, "merchant": merchant_id},
    ).one_or_none()
    if row is None:
        raise UnknownBreakError("there is no such break")
    return _break(row)


def history(session: Session, *, break_id: UUID, shared: bool = False) -> list[BreakEventView]:
    """Return what became of a break since it was opened, in order.

    ``shared``: only what its merchant may see, with the words that were said to and by it.
    """
    rows = session.execute(
        text(
            "SELECT at, actor, action, words, facts FROM network.break_event"
            " WHERE break_id = :id ORDER BY at, break_event_id"
        ),
        {"id": break_id},
    )
    found = [BreakEventView(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name
    if not shared:
        return found
    return [
        each if each.action in {SAID, ANSWERED, CONCEDED} else replace(each, words=None, facts={})
        for each in found
        if each.action in SHARED_ACTIONS
    ]


def break_counts(session: Session, *, merchant_id: UUID | None = None) -> list[BreakCount]:
    """Return how many breaks are not closed, by merchant and kind."""
    rows = session.execute(
        text(f"""
            SELECT b.merchant_id, {_MERCHANT}, b.kind, count(*) AS breaks,
                   min(b.opened_at) AS oldest
            FROM network.reconciliation_break AS b
            JOIN network.merchant AS m ON m.merchant_id = b.merchant_id
            WHERE b.closed_at IS NULL
              AND (CAST(:merchant AS uuid) IS NULL OR b.merchant_id = :merchant)
            GROUP BY b.merchant_id, m.code, m.name_fa, m.name_en, b.kind
            ORDER BY m.code, b.kind
        """),
        {"merchant": merchant_id},
    )
    return [BreakCount(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def breaks_opened_before(session: Session, *, moments: Sequence[datetime]) -> list[int]:
    """Return for each moment how many breaks that are not closed were opened before it."""
    rows = session.execute(
        text("""
            SELECT k.place, count(b.break_id) AS breaks
            FROM unnest(CAST(:moments AS timestamptz[])) WITH ORDINALITY AS k (moment, place)
            LEFT JOIN network.reconciliation_break AS b
                ON b.closed_at IS NULL AND b.opened_at < k.moment
            GROUP BY k.place ORDER BY k.place
        """),
        {"moments": list(moments)},
    )
    return [row.breaks for row in rows]


def correction(session: Session, *, correction_id: UUID) -> CorrectionView:
    """Return a correction; raise UnknownCorrectionError."""
    row = session.execute(
        text(f"{_CORRECTIONS} WHERE c.correction_id = :id"), {"id": correction_id}
    ).one_or_none()
    if row is None:
        raise UnknownCorrectionError("there is no such correction")
    return _correction(row)


def corrections(
    session: Session,
    *,
    state: str | None = None,
    break_id: UUID | None = None,
    dispute_id: UUID | None = None,
    limit: int = 500,
) -> list[CorrectionView]:
    """Return corrections, the oldest first: those in a state, of a break or of a dispute."""
    rows = session.execute(
        text(f"""
            {_CORRECTIONS}
            WHERE (CAST(:state AS text) IS NULL OR c.state = :state)
              AND (CAST(:break_id AS uuid) IS NULL OR c.break_id = :break_id)
              AND (CAST(:dispute_id AS uuid) IS NULL OR c.dispute_id = :dispute_id)
            ORDER BY c.proposed_at, c.correction_id LIMIT :limit
        """),
        {"state": state, "break_id": break_id, "dispute_id": dispute_id, "limit": limit},
    )
    return [_correction(row) for row in rows]


def dispute(session: Session, *, dispute_id: UUID, merchant_id: UUID | None = None) -> DisputeView:
    """Return a dispute, of a merchant where one is named; raise UnknownDisputeError."""
    row = session.execute(
        text(
            f"{_DISPUTES} WHERE d.dispute_id = :id"
            " AND (CAST(:merchant AS uuid) IS NULL OR d.merchant_id = :merchant)"
        ),
        {"id": dispute_id, "merchant": merchant_id},
    ).one_or_none()
    if row is None:
        raise UnknownDisputeError("there is no such dispute")
    return _dispute(row)


def disputes(
    session: Session,
    *,
    merchant_id: UUID | None = None,
    entry: EntryKey | None = None,
    undecided: bool = False,
    before: UUID | None = None,
    limit: int,
) -> list[DisputeView]:
    """Return disputes, the latest first: a merchant's, of one entry; ``before`` pages."""
    rows = session.execute(
        text(f"""
            {_DISPUTES}
            WHERE (CAST(:merchant AS uuid) IS NULL OR d.merchant_id = :merchant)
              AND (NOT :undecided OR d.decided_at IS NULL)
              AND (CAST(:member AS uuid) IS NULL
                   OR (d.member_id = :member AND d.sequence = :sequence))
              AND (CAST(:before AS uuid) IS NULL OR d.dispute_id < :before)
            ORDER BY d.dispute_id DESC LIMIT :limit
        """),
        {
            "merchant": merchant_id,
            "member": None if entry is None else entry.member_id,
            "sequence": None if entry is None else entry.sequence,
            "undecided": undecided,
            "before": before,
            "limit": limit,
        },
    )
    return [_dispute(row) for row in rows]


def undecided_disputes(session: Session) -> tuple[int, datetime | None]:
    """Return how many disputes wait for a decision, and by when the first is due.

    Those for which a correction waits are decided by that.
    """
    row = session.execute(
        text("""
            SELECT count(*), min(d.due_at) FROM network.dispute AS d
            WHERE d.decided_at IS NULL AND NOT EXISTS (
                SELECT FROM network.correction AS c
                WHERE c.dispute_id = d.dispute_id AND c.state = 'proposed')
        """)
    ).one()
    return row[0], row[1]


def dispute_notes(session: Session, *, dispute_id: UUID) -> list[DisputeNoteView]:
    """Return what both sides said in a dispute, in order."""
    rows = session.execute(
        text(
            "SELECT at, side, author, action, words FROM network.dispute_note"
            " WHERE dispute_id = :id ORDER BY at, dispute_note_id"
        ),
        {"id": dispute_id},
    )
    return [DisputeNoteView(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _reconciliation(row: Row[Any]) -> ReconciliationView:
    values = _values(row, ReconciliationView)
    values["faults"] = tuple(Fault(**each) for each in row.faults or ())
    return ReconciliationView(**values)


def _break(row: Row[Any]) -> BreakView:
    values = _values(row, BreakView)
    values["kinds"] = tuple(row.kinds)
    return BreakView(**values)


def _correction(row: Row[Any]) -> CorrectionView:
    return CorrectionView(**_values(row, CorrectionView))


def _dispute(row: Row[Any]) -> DisputeView:
    return DisputeView(**_values(row, DisputeView))


def _values(row: Row[Any], view: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in view.__dataclass_fields__}
