"""Reading the refunds of a redemption by amount."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Date, Row, cast, func, select
from sqlalchemy.orm import Session

from network.ledger import tables
from network.ledger.views import RedemptionView
from network.settings import PROGRAMME_ZONE

MOST_REFUNDS = 200
"""So many refunds by amount does a redemption take (``ledger.check_refunds``)."""


def refunded_by_amount(session: Session, *, redemption: RedemptionView) -> list[Row[Any]]:
    """Return what refunds of a redemption by amount came to: day, amount and points of each day."""
    entry, movement = tables.entry, tables.movement
    made = (
        select(
            entry.c.sequence,
            entry.c.business_date,
            entry.c.amount,
            cast(func.timezone(PROGRAMME_ZONE.key, entry.c.recorded_at), Date).label("day"),
        )
        .where(
            entry.c.member_id == redemption.member_id,
            entry.c.sequence > redemption.capture_sequence,
            entry.c.business_date >= redemption.business_date,
            entry.c.original_sequence == redemption.capture_sequence,
            entry.c.kind == "refund_redemption",
            entry.c.amount.is_not(None),
        )
        .limit(MOST_REFUNDS)
        .cte("made")
    )
    points = (
        select(movement.c.sequence, func.sum(movement.c.points).label("points"))
        .where(
            movement.c.member_id == redemption.member_id,
            movement.c.source == "redemption",
            movement.c.sequence == made.c.sequence,
            movement.c.business_date == made.c.business_date,
        )
        .group_by(movement.c.sequence)
        .subquery()
    )
    return list(
        session.execute(
            select(
                made.c.day,
                func.sum(made.c.amount).label("amount"),
                func.coalesce(func.sum(points.c.points), 0).label("points"),
            )
            .select_from(made.outerjoin(points, points.c.sequence == made.c.sequence))
            .group_by(made.c.day)
        )
    )
