"""Published statements as they are read: with their window, seal, reserve and taxes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from network.clearing.facts import (
    PartyView,
    ReserveView,
    SealView,
    StatementView,
    Totals,
    WindowView,
)
from network.clearing.models import SettlementWindow, Statement
from network.clearing.party_names import parties, party
from network.clearing.reserves import reserves
from network.clearing.tax_facts import StatedTax
from network.clearing.taxes import Whose, taxes
from network.ledger.tables import seal as seal_table

PUBLISHED = ("settled",)


def read_statements(
    session: Session,
    *,
    merchant_id: UUID | None = None,
    window_id: UUID | None = None,
    before: date | None = None,
    digests: tuple[bytes, bytes] | None = None,
    limit: int | None = None,
) -> list[StatementView]:
    """Return published statements, the latest first, those that fit everything that is asked."""
    query = (
        select(Statement, SettlementWindow)
        .join(SettlementWindow, SettlementWindow.window_id == Statement.window_id)
        .where(SettlementWindow.state.in_(PUBLISHED))
        .order_by(SettlementWindow.first_day.desc(), Statement.merchant_id, Statement.currency)
        .limit(limit)
    )
    if merchant_id is not None:
        query = query.where(Statement.merchant_id == merchant_id)
    if window_id is not None:
        query = query.where(Statement.window_id == window_id)
    if before is not None:
        query = query.where(SettlementWindow.first_day < before)
    if digests is not None:
        query = query.where(Statement.digest.between(*digests))
    rows = session.execute(query).all()
    names = parties(session, wanted=(row[0].merchant_id for row in rows))
    sealed = seals(session, days={row[1].end_day - timedelta(days=1) for row in rows})
    told = reserves(session, statements=[row[0].statement_id for row in rows])
    taxed = taxes(session, windows={row[1].window_id for row in rows}, merchant_id=merchant_id)
    return [
        _statement(row[0], row[1], names=names, seals=sealed, told=told, taxed=taxed)
        for row in rows
    ]


def seals(session: Session, *, days: set[date]) -> dict[date, SealView]:
    """Return the seals of some closed days, of those that have one."""
    rows = session.execute(
        select(
            seal_table.c.business_date,
            seal_table.c.head,
            seal_table.c.key_id,
            seal_table.c.signature,
        ).where(seal_table.c.business_date.in_(days))
    )
    return {row.business_date: _seal(row) for row in rows}


def _seal(row: Row[*tuple[Any, ...]]) -> SealView:
    return SealView(**row._mapping)  # noqa: SLF001 - a public name of SQLAlchemy


def window_view(row: SettlementWindow) -> WindowView:
    """Return a stored window as a value."""
    return WindowView(
        window_id=row.window_id,
        first_day=row.first_day,
        end_day=row.end_day,
        state=row.state,
        settled_at=row.settled_at,
        attempt=row.attempt,
    )


def _statement(
    row: Statement,
    of: SettlementWindow,
    *,
    names: dict[UUID, PartyView],
    seals: dict[date, SealView],
    told: dict[UUID, ReserveView],
    taxed: dict[Whose, tuple[StatedTax, ...]],
) -> StatementView:
    return StatementView(
        statement_id=row.statement_id,
        window=window_view(of),
        merchant=party(names, row.merchant_id),
        totals=Totals(**{name: getattr(row, name) for name in Totals.__dataclass_fields__}),
        digest=row.digest,
        seal_head=row.seal,
        seal=seals.get(of.end_day - timedelta(days=1)),
        signed=row.signed,
        reserve=told.get(row.statement_id),
        taxes=taxed.get(Whose(row.window_id, row.merchant_id, row.currency), ()),
    )
