"""Reads of exposure: the last measurement beside the merchants it is of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from network.exposure.limits import Exposure, Lapsing
from network.exposure.models import ExposureRow, MeasureRow
from network.merchants.models import Merchant


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureView:
    """An issuer's exposure with its names; ``since`` says how long it has stood where it stands.

    ``issuing`` is ``open``, ``limit`` while the limit is reached, or ``default`` once two people
    suspended its points.
    """

    merchant_id: UUID
    code: str
    name_fa: str
    name_en: str
    status: str
    issuing: str
    found: Exposure
    since: datetime

    def name(self, locale: str) -> str:
        """Return the name in a language."""
        return self.name_fa if locale == "fa" else self.name_en

    @property
    def leaving(self) -> bool:
        """Return whether the merchant is on its way out, or gone."""
        return self.status in {"leaving", "left"}


def measured_at(session: Session) -> datetime | None:
    """Return when exposure was last measured (wall time)."""
    return session.execute(select(MeasureRow.measured_at)).scalar_one_or_none()


def exposures(session: Session) -> list[ExposureView]:
    """Return every issuer's exposure as last measured, by code."""
    rows = session.execute(
        select(ExposureRow, Merchant)
        .join(Merchant, Merchant.merchant_id == ExposureRow.issuer_id)
        .order_by(Merchant.code)
    )
    return [_view(row[0], row[1]) for row in rows]


def exposure_of(session: Session, *, merchant_id: UUID) -> ExposureView | None:
    """Return a merchant's exposure as last measured, ``None`` before the first time."""
    row = session.execute(
        select(ExposureRow, Merchant)
        .join(Merchant, Merchant.merchant_id == ExposureRow.issuer_id)
        .where(ExposureRow.issuer_id == merchant_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return None if row is None else _view(row[0], row[1])


def nearing(session: Session) -> list[ExposureView]:
    """Return the issuers at four fifths of their limit or beyond, the fullest first."""
    found = [each for each in exposures(session) if each.found.standing != "within"]
    return sorted(found, key=lambda each: -(each.found.percent or 100))


def lapsing(session: Session, *, issuer_id: UUID) -> list[Lapsing]:
    """Return when an issuer's points in wallets expire, by month; reads every open lot."""
    rows = session.execute(
        text("""
            SELECT date_trunc('month', l.expires_on)::date AS month,
                   sum(l.remaining + l.held)::bigint AS points,
                   coalesce(ceil(sum((l.remaining + l.held) * a.issue_price)
                       FILTER (WHERE a.funding <> 'on_issue')), 0)::bigint AS cost
            FROM ledger.lot AS l
            JOIN network.agreement AS a ON a.agreement_id = l.terms_id
            WHERE l.issuer_id = :issuer AND (l.open OR l.held > 0)
            GROUP BY 1 ORDER BY 1
        """),
        {"issuer": issuer_id},
    )
    return [Lapsing(month=row.month, points=row.points, cost=row.cost) for row in rows]


def lapsing_at(session: Session, *, end_day: date) -> dict[UUID, list[Lapsing]]:
    """Return what ``lapsing`` says of merchants that left before ``end_day``, as it stood then.

    What lots hold now, less what later days moved: the same whenever it is asked.
    """
    rows = session.execute(
        text("""
            SELECT l.issuer_id, date_trunc('month', l.expires_on)::date AS month,
                   sum(x.points)::bigint AS points,
                   coalesce(ceil(sum(x.points * a.issue_price)
                       FILTER (WHERE a.funding <> 'on_issue')), 0)::bigint AS cost
            FROM network.merchant AS m
            CROSS JOIN LATERAL (
                SELECT t.member_id, t.lot_id, t.remaining + t.held AS points FROM ledger.lot AS t
                WHERE t.issuer_id = m.merchant_id AND (t.open OR t.held > 0)
                UNION ALL
                SELECT p.member_id, p.lot_id, -p.points FROM ledger.posting AS p
                WHERE p.issuer_id = m.merchant_id AND p.business_date >= :end_day
                  AND p.account IN ('pending', 'available', 'held')
            ) AS x
            JOIN ledger.lot AS l ON l.member_id = x.member_id AND l.lot_id = x.lot_id
            JOIN network.agreement AS a ON a.agreement_id = l.terms_id
            WHERE m.leaves_on < :end_day
            GROUP BY l.issuer_id, 2 HAVING sum(x.points) <> 0 ORDER BY l.issuer_id, 2
        """),
        {"end_day": end_day},
    )
    found: dict[UUID, list[Lapsing]] = {}
    for row in rows:
        each = Lapsing(month=row.month, points=row.points, cost=row.cost)
        found.setdefault(row.issuer_id, []).append(each)
    return found


def leaving(session: Session, *, end_day: date) -> list[UUID]:
    """Return the merchants that had left, or were on their way out, before ``end_day``."""
    return list(
        session.scalars(
            select(Merchant.merchant_id)
            .where(Merchant.leaves_on < end_day)
            .order_by(Merchant.merchant_id)
        )
    )


def _view(row: ExposureRow, of: Merchant) -> ExposureView:
    return ExposureView(
        merchant_id=of.merchant_id,
        code=of.code,
        name_fa=of.name_fa,
        name_en=of.name_en,
        status=of.status,
        issuing=of.issuing,
        found=Exposure(
            points=row.points,
            outstanding=row.outstanding,
            unsettled=row.unsettled,
            cap=row.cap,
            deposit=row.deposit,
            reserve=row.reserve,
        ),
        since=row.since,
    )
