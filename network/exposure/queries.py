"""Reads of exposure: the last measurement beside the merchants it is of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from network.exposure.limits import Exposure
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """Points of an issuer that expire in a month, unless they are taken before."""

    month: date
    points: int


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
    ).one_or_none()
    return None if row is None else _view(row[0], row[1])


def nearing(session: Session) -> list[ExposureView]:
    """Return the issuers at four fifths of their limit or beyond, the fullest first."""
    found = [each for each in exposures(session) if each.found.standing != "within"]
    return sorted(found, key=lambda each: -(each.found.percent or 100))


def expiring(session: Session, *, issuer_id: UUID) -> list[Expiring]:
    """Return when an issuer's points in wallets expire, by month; reads every open lot."""
    rows = session.execute(
        text(
            "SELECT date_trunc('month', expires_on)::date AS month,"
            " sum(remaining + held)::bigint AS points FROM ledger.lot"
            " WHERE issuer_id = :issuer AND (open OR held > 0) GROUP BY 1 ORDER BY 1"
        ),
        {"issuer": issuer_id},
    )
    return [Expiring(month=row.month, points=row.points) for row in rows]


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
