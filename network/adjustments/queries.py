"""Reads of corrections: frozen values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.adjustments.models import Adjustment

PREFIX = "adj"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentView:
    """A correction: ``state`` is proposed, posted (as entry ``sequence``) or declined."""

    adjustment_id: UUID
    member_id: UUID
    kind: str
    issuer_id: UUID
    points: int
    expires_on: date | None
    reason: str
    state: str
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    sequence: int | None
    business_date: date | None


def view(row: Adjustment) -> AdjustmentView:
    """Return a row as a value."""
    return AdjustmentView(
        **{name: getattr(row, name) for name in AdjustmentView.__dataclass_fields__}
    )


def adjustment(session: Session, *, adjustment_id: UUID) -> AdjustmentView | None:
    """Return a correction, None where there is none."""
    row = session.get(Adjustment, adjustment_id)
    return None if row is None else view(row)


def waiting(session: Session, *, limit: int = 100) -> list[AdjustmentView]:
    """Return the corrections that wait for a second person, oldest first."""
    rows = session.scalars(
        select(Adjustment)
        .where(Adjustment.state == "proposed")
        .order_by(Adjustment.proposed_at, Adjustment.adjustment_id)
        .limit(limit)
    )
    return [view(row) for row in rows]


def of_member(session: Session, *, member_id: UUID, limit: int = 100) -> list[AdjustmentView]:
    """Return a member's corrections, newest first."""
    rows = session.scalars(
        select(Adjustment)
        .where(Adjustment.member_id == member_id)
        .order_by(Adjustment.proposed_at.desc(), Adjustment.adjustment_id)
        .limit(limit)
    )
    return [view(row) for row in rows]


def given_since(
    session: Session, *, member_ids: Collection[UUID], since: UUID
) -> list[AdjustmentView]:
    """Return the points that two people gave to one of these wallets after ``since`` was made.

    ``since`` is the id of something, and so are corrections': both begin with the time at which
    they were made (``ids.uuid7``), also where the programme's clock is another.
    """
    rows = session.scalars(
        select(Adjustment)
        .where(
            Adjustment.member_id.in_(member_ids),
            Adjustment.kind == "up",
            Adjustment.state == "posted",
            Adjustment.adjustment_id > since,
        )
        .order_by(Adjustment.adjustment_id)
    )
    return [view(row) for row in rows]
