"""Reads about nights as a row: since when, what they came to, which days wait."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from network.clearing import runs
from network.clearing.facts import RunView, WindowTotals
from network.clearing.models import SettlementRun


def nights_since(session: Session, *, since: datetime, limit: int) -> list[RunView]:
    """Return the nights that began or ended after a moment, the latest first."""
    rows = session.execute(
        select(*(SettlementRun.__table__.c[name] for name in RunView.__dataclass_fields__))
        .where(or_(SettlementRun.started_at > since, SettlementRun.finished_at > since))
        .order_by(SettlementRun.business_date.desc(), SettlementRun.started_at.desc())
        .limit(limit)
    )
    return [runs.run_view(row) for row in rows]


def window_totals(session: Session, *, window_ids: Collection[UUID]) -> dict[UUID, WindowTotals]:
    """Return what windows come to, by window: obligations, and what merchants get and pay."""
    rows = session.execute(
        text("""
            SELECT window_id,
                   (SELECT count(*) FROM network.obligation AS o WHERE o.window_id = w.window_id)
                       AS obligations,
                   s.to_pay, s.to_collect
            FROM unnest(CAST(:ids AS uuid[])) AS w (window_id)
            CROSS JOIN LATERAL (
                SELECT sum(greatest(paid, 0))::bigint AS to_pay,
                       sum(greatest(-paid, 0))::bigint AS to_collect
                FROM network.statement AS s WHERE s.window_id = w.window_id
            ) AS s
        """),
        {"ids": list(window_ids)},
    )
    return {
        row.window_id: WindowTotals(
            obligations=row.obligations, to_pay=row.to_pay, to_collect=row.to_collect
        )
        for row in rows
    }


def unsettled_days(session: Session) -> list[date]:
    """Return the business days that are closed and not settled, the oldest first."""
    return list(
        session.scalars(
            text("""
                SELECT d.business_date FROM ledger.business_day AS d
                WHERE d.flipped_at IS NOT NULL
                  AND NOT EXISTS (SELECT FROM network.settlement_run AS r
                                  WHERE r.business_date = d.business_date AND r.state = 'done')
                ORDER BY d.business_date
            """)
        )
    )
