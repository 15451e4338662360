"""One lot and everything that was posted to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.ledger import tables
from network.ledger.views import LotView


@dataclass(frozen=True, slots=True, kw_only=True)
class LotPosting:
    """One posting to a lot, with its entry."""

    sequence: int
    line: int
    kind: str
    merchant_id: UUID | None
    account: str
    acceptor_id: UUID | None
    points: int
    business_date: date
    recorded_at: datetime


def lot(session: Session, *, member_id: UUID, lot_id: int) -> LotView | None:
    """Return a lot of a member's wallet, ``None`` where there is none with this number."""
    table = tables.lot
    columns = [table.c[name] for name in LotView.__dataclass_fields__]
    row = session.execute(
        select(*columns).where(table.c.member_id == member_id, table.c.lot_id == lot_id)
    ).one_or_none()
    return None if row is None else LotView(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def lot_postings(
    session: Session,
    *,
    member_id: UUID,
    lot_id: int,
    after: tuple[int, int] | None = None,
    limit: int,
) -> list[LotPosting]:
    """Return the postings to a lot in the order of their entries, after (sequence, line)."""
    posting, entry = tables.posting, tables.entry
    query = (
        select(
            posting.c.sequence,
            posting.c.line,
            entry.c.kind,
            entry.c.merchant_id,
            posting.c.account,
            posting.c.acceptor_id,
            posting.c.points,
            posting.c.business_date,
            entry.c.recorded_at,
        )
        .join(
            entry,
            (entry.c.member_id == posting.c.member_id)
            & (entry.c.sequence == posting.c.sequence)
            & (entry.c.business_date == posting.c.business_date),
        )
        .where(posting.c.member_id == member_id, posting.c.lot_id == lot_id)
        .order_by(posting.c.sequence, posting.c.line)
        .limit(limit)
    )
    if after is not None:
        sequence, line = after
        query = query.where(
            (posting.c.sequence > sequence)
            | ((posting.c.sequence == sequence) & (posting.c.line > line))
        )
    rows = session.execute(query)
    return [LotPosting(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name
