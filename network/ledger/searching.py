"""Finding entries by what a merchant calls them.

Entries lie by business day and a reference has no index of its own, which each purchase would pay
for: so a search names the merchant and a stretch of days, and reads those days' partitions. A
capture with a reference of its own is found by its authorisation's as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, literal, or_, select
from sqlalchemy.orm import Session

from network.ledger.tables import entry, hold

MOST_DAYS = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEntry:
    """An entry that carries the reference."""

    member_id: UUID
    sequence: int
    kind: str
    merchant_ref: str
    business_date: date
    recorded_at: datetime


def by_reference(
    session: Session,
    *,
    merchant_id: UUID,
    merchant_ref: str,
    first: date,
    last: date,
    limit: int,
) -> list[FoundEntry]:
    """Return the entries of a merchant with exactly this reference, of days from first to last.

    Captures of an authorisation with it count as such.
    """
    columns = [entry.c[name] for name in FoundEntry.__dataclass_fields__]
    days = and_(entry.c.business_date >= first, entry.c.business_date <= last)
    rows = session.execute(
        select(*columns)
        .where(
            days,
            entry.c.merchant_id == merchant_id,
            or_(
                entry.c.merchant_ref == merchant_ref,
                captures(hold.c.merchant_ref == merchant_ref),
            ),
        )
        .order_by(entry.c.business_date, entry.c.recorded_at, entry.c.sequence)
        .limit(limit)
    )
    return [FoundEntry(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def captures(wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether an entry is the capture of an authorisation (``hold``) as ``wanted``."""
    of_hold = select(literal(1)).where(
        hold.c.member_id == entry.c.member_id,
        hold.c.merchant_id == entry.c.merchant_id,
        hold.c.capture_sequence == entry.c.sequence,
        wanted,
    )
    return and_(entry.c.kind == "capture", of_hold.exists())
