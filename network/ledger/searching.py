"""Finding entries by what a merchant calls them.

Entries lie by business day and a reference has no index of its own, which each purchase would pay
for: so a search names the merchant and a stretch of days, and reads those days' partitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.ledger.tables import entry

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
    """Return the entries of a merchant with exactly this reference, of days from first to last."""
    columns = [entry.c[name] for name in FoundEntry.__dataclass_fields__]
    rows = session.execute(
        select(*columns)
        .where(
            entry.c.merchant_id == merchant_id,
            entry.c.merchant_ref == merchant_ref,
            entry.c.business_date >= first,
            entry.c.business_date <= last,
        )
        .order_by(entry.c.business_date, entry.c.recorded_at, entry.c.sequence)
        .limit(limit)
    )
    return [FoundEntry(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name
