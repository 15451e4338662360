"""What business days moved: kept for the days that closed, added up for those that have not.

Every reading of the figures up to now is one pass over the open day's postings and a sum over one
small row per day before it, however many wallets and entries there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clearing.models import DayFiguresRow
from network.ledger import figures
from network.ledger.figures import DayFigures, Outstanding
from network.ledger.tables import business_day

_NAMES = tuple(DayFigures.__dataclass_fields__)
_HELD = ("available", "pending", "held", "debt")
_KEPT = [getattr(DayFiguresRow, name) for name in _NAMES]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDate:
    """The figures of each business day since some day, and the points outstanding now."""

    days: tuple[DayFigures, ...]
    outstanding: Outstanding


def keep_closed(session: Session, *, until: date) -> int:
    """Keep the figures of closed days up to and with ``until`` that have none yet.

    Returns how many were kept. Their postings never change, so a second call finds nothing.
    """
    missing = session.scalars(
        _without_figures().where(
            business_day.c.business_date <= until, business_day.c.closed_at.is_not(None)
        )
    ).all()
    rows = [asdict(each) for each in _added_up(session, days=missing)]
    if rows:
        session.execute(insert(DayFiguresRow).values(rows).on_conflict_do_nothing())
    return len(rows)


def to_date(session: Session, *, first: date) -> ToDate:
    """Return the days from ``first`` on, and what members hold; in one snapshot (its session's)."""
    live = _added_up(session, days=session.scalars(_without_figures()).all())
    rows = session.execute(select(*_KEPT).where(DayFiguresRow.business_date >= first))
    kept = [DayFigures(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name
    sums = session.execute(
        select(*(func.coalesce(func.sum(getattr(DayFiguresRow, name)), 0) for name in _HELD))
    ).one()
    held = {
        name: int(total) + sum(getattr(each, name) for each in live)
        for name, total in zip(_HELD, sums, strict=True)
    }
    days = [*kept, *(each for each in live if each.business_date >= first)]
    return ToDate(
        days=tuple(sorted(days, key=lambda each: each.business_date)),
        outstanding=Outstanding(**held),
    )


def day(session: Session, *, business_date: date) -> DayFigures | None:
    """Return what moved on one business day, ``None`` where there is no such day."""
    row = session.execute(
        select(*_KEPT).where(DayFiguresRow.business_date == business_date)
    ).one_or_none()
    if row is not None:
        return DayFigures(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return next(iter(_added_up(session, days=[business_date])), None)


def _without_figures() -> Select[date]:
    return (
        select(business_day.c.business_date)
        .outerjoin(DayFiguresRow, DayFiguresRow.business_date == business_day.c.business_date)
        .where(DayFiguresRow.business_date.is_(None))
    )


def _added_up(session: Session, *, days: Iterable[date]) -> list[DayFigures]:
    """Return the figures of ``days`` from their postings, in one pass over the stretch."""
    wanted = set(days)
    if not wanted:
        return []
    end = max(wanted) + timedelta(days=1)
    found = figures.day_figures(session, first=min(wanted), end=end)
    return [each for each in found if each.business_date in wanted]
