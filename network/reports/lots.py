"""Reads over the lots as they stand now: liability, age, expiry, vintages.

A lot's row says what became of its points, so one pass over the lots answers each, and no posting
is read. They run in a snapshot without a time limit; see docs/benchmarks.md for their speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.reports.facts import AgeBand, ExpiryMonth, IssuerLiability, Vintage

AGES: Sequence[tuple[int, int | None]] = ((0, 30), (30, 90), (90, 180), (180, 365), (365, None))
_HELD = "(open OR held > 0)"
_OF = "(CAST(:issuer AS uuid) IS NULL OR issuer_id = :issuer)"


def liability(session: Session) -> list[IssuerLiability]:
    """Return what members hold of each issuer, and what issuers would owe for all of it."""
    rows = session.execute(
        text(f"""
            SELECT issuer_id,
                   sum(remaining) FILTER (WHERE active)::bigint AS available,
                   sum(remaining) FILTER (WHERE NOT active)::bigint AS pending,
                   sum(held)::bigint AS held, sum((remaining + held) * price) AS owed
            FROM ledger.lot WHERE {_HELD} GROUP BY issuer_id ORDER BY issuer_id
        """)
    )
    return [
        IssuerLiability(
            issuer_id=row.issuer_id,
            available=row.available or 0,
            pending=row.pending or 0,
            held=row.held,
            owed=row.owed,
        )
        for row in rows
    ]


def expiries(session: Session, *, issuer_id: UUID | None = None) -> list[ExpiryMonth]:
    """Return what lapses in which month, by the last day on which it can be used."""
    rows = session.execute(
        text(f"""
            SELECT date_trunc('month', expires_on - 1)::date AS month,
                   sum(remaining + held)::bigint AS points, sum((remaining + held) * price) AS owed
            FROM ledger.lot WHERE {_HELD} AND {_OF} GROUP BY 1 ORDER BY 1
        """),
        {"issuer": issuer_id},
    )
    return [ExpiryMonth(month=row.month, points=row.points, owed=row.owed) for row in rows]


def ages(session: Session, *, today: date, issuer_id: UUID | None = None) -> list[AgeBand]:
    """Return what is outstanding by age on ``today``, all bands; what is pending is youngest."""
    rows = session.execute(
        text(f"""
            SELECT width_bucket(greatest(0, CAST(:today AS date) - active_from), :bounds) AS band,
                   sum(remaining + held)::bigint AS points, sum((remaining + held) * price) AS owed
            FROM ledger.lot WHERE {_HELD} AND {_OF} GROUP BY 1
        """),
        {"today": today, "issuer": issuer_id, "bounds": [first for first, _ in AGES]},
    )
    found = {row.band: row for row in rows}
    return [
        AgeBand(
            first=first,
            end=end,
            points=found[place].points if place in found else 0,
            owed=found[place].owed if place in found else Decimal(0),
        )
        for place, (first, end) in enumerate(AGES, start=1)
    ]


def vintages(session: Session, *, today: date, issuer_id: UUID | None = None) -> list[Vintage]:
    """Return the months of issue, by the day from which points could be used, the oldest first."""
    rows = session.execute(
        text(f"""
            SELECT date_trunc('month', active_from)::date AS month,
                   sum(granted - moved)::bigint AS granted, sum(clawed_back)::bigint AS clawed_back,
                   sum(redeemed)::bigint AS redeemed, sum(expired)::bigint AS expired,
                   sum(remaining + held)::bigint AS outstanding,
                   sum((remaining + held) * price) AS owed
            FROM ledger.lot WHERE {_OF} GROUP BY 1 ORDER BY 1
        """),
        {"issuer": issuer_id},
    )
    return [
        Vintage(
            month=row.month,
            granted=row.granted,
            clawed_back=row.clawed_back,
            redeemed=row.redeemed,
            expired=row.expired,
            outstanding=row.outstanding,
            owed=row.owed,
            run_out=row.outstanding == 0 and _next_month(row.month) <= today,
        )
        for row in rows
    ]


def _next_month(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)
