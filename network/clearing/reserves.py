"""The cover of merchants that leave, as it stands on their statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from network.clearing.facts import ReserveMonth, ReserveView
from network.clearing.models import StatementReserve


def add_reserves(session: Session, *, reserves: Mapping[UUID, ReserveView]) -> None:
    """Publish the cover that statements (by id) tell of, where it is not there yet."""
    rows = [
        {
            "statement_id": statement_id,
            "deposit": each.deposit,
            "reserve": each.reserve,
            "points": each.points,
            "months": [
                {**asdict(month), "month": month.month.isoformat()} for month in each.months
            ],
        }
        for statement_id, each in reserves.items()
    ]
    if rows:
        session.execute(
            insert(StatementReserve).on_conflict_do_nothing(index_elements=["statement_id"]), rows
        )


def reserves(session: Session, *, statements: Iterable[UUID]) -> dict[UUID, ReserveView]:
    """Return the cover that these statements tell of, by the statement's id."""
    rows = session.scalars(
        select(StatementReserve).where(StatementReserve.statement_id.in_(list(statements)))
    )
    return {
        row.statement_id: ReserveView(
            deposit=row.deposit,
            reserve=row.reserve,
            points=row.points,
            months=tuple(
                ReserveMonth(**{**each, "month": date.fromisoformat(each["month"])})
                for each in row.months
            ),
        )
        for row in rows
    }
