"""A merchant's entries as a table that people sort, search and turn the pages of.

Programs read ``queries.merchant_entries``, which goes on from a cursor at the same cost for ever. A
table is sorted by what nobody has an index for, so how many rows it may sort is bounded: whoever
asks for more is told so and keeps the order of days, which an index gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from network.ledger import tables
from network.ledger.queries import ENTRY_COLUMNS, entries_of, in_days
from network.ledger.searching import captures
from network.ledger.views import HEADLINE_ACCOUNTS, EntryView

BY_DAY = "day"
MOST_SORTED = 50_000
"""Entries that are sorted at once by anything but their day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which of a merchant's entries to show: of business days in [since, until), half open.

    ``words`` are looked for in references and receipts; what is ``None`` does not matter.
    """

    merchant_id: UUID
    since: date
    until: date
    kinds: Sequence[str] | None = None
    store_id: UUID | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """By which of SORTS the entries stand, rising or falling.

    ``ranked`` are the kinds, or the ids of stores, in the order in which the reader's language
    puts their names: what a table shows as words is sorted by them.
    """

    column: str = BY_DAY
    falls: bool = True
    ranked: Sequence[str] = ()


def _headline(_ranked: Sequence[str]) -> ColumnElement[Any]:
    """Return ``EntryView.points`` as the database works it out."""
    entry, posting = tables.entry, tables.posting
    shown = case(
        *((entry.c.kind == kind, account) for kind, (account, _) in HEADLINE_ACCOUNTS.items()),
        else_="available",
    )
    account = cast(posting.c.account, Text)
    sign = case(
        *((entry.c.kind == kind, sign) for kind, (_, sign) in HEADLINE_ACCOUNTS.items()), else_=1
    )
    taken_back = (entry.c.kind == "refund_issuance") & account.in_(("clawback", "receivable"))
    counted = or_(taken_back, (entry.c.kind != "refund_issuance") & (account == shown))
    sums = (
        select(func.coalesce(func.sum(posting.c.points), 0))
        .where(
            posting.c.member_id == entry.c.member_id,
            posting.c.sequence == entry.c.sequence,
            posting.c.business_date == entry.c.business_date,
            counted,
        )
        .correlate(entry)
        .scalar_subquery()
    )
    return sign * sums


def _rank(column: ColumnElement[Any]) -> Callable[[Sequence[str]], ColumnElement[Any]]:
    return lambda ranked: func.array_position(
        cast(literal(list(ranked), ARRAY(Text)), ARRAY(Text)), cast(column, Text)
    )


SORTS: Mapping[str, Callable[[Sequence[str]], ColumnElement[Any]]] = MappingProxyType(
    {
        BY_DAY: lambda _ranked: tables.entry.c.business_date,
        "happened": lambda _ranked: tables.entry.c.effective_at,
        "kind": _rank(tables.entry.c.kind),
        "store": _rank(tables.entry.c.store_id),
        "reference": lambda _ranked: tables.entry.c.merchant_ref,
        "points": _headline,
        "amount": lambda _ranked: tables.entry.c.amount,
    }
)
"""What the entries may be sorted by; missing values stand last either way."""


def page(
    session: Session, *, asked: Asked, order: Order, offset: int = 0, limit: int
) -> list[EntryView]:
    """Return ``limit`` of the entries asked for, in order, those before ``offset`` left out."""
    table = tables.entry
    # Then by when the network learnt of them; the rest makes the order whole.
    then = (table.c.business_date, table.c.recorded_at, table.c.member_id, table.c.sequence)
    by = [(each.desc() if order.falls else each.asc()) for each in then]
    if order.column != BY_DAY:  # whose order an index has, but without a place for missing values
        first = SORTS[order.column](order.ranked)
        by.insert(0, (first.desc() if order.falls else first.asc()).nulls_last())
    query = (
        select(*ENTRY_COLUMNS).where(*_conditions(asked)).order_by(*by).offset(offset).limit(limit)
    )
    return entries_of(session, query)


def can_be_sorted(session: Session, *, asked: Asked) -> bool:
    """Return whether the entries asked for are few enough to be sorted by anything."""
    some = select(literal(1)).where(*_conditions(asked)).limit(MOST_SORTED + 1).subquery()
    found = session.scalar(select(func.count()).select_from(some))
    return found is not None and found <= MOST_SORTED


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    table = tables.entry
    conditions = [
        table.c.merchant_id == asked.merchant_id,
        *in_days(since=asked.since, until=asked.until),
    ]
    if asked.kinds is not None:
        conditions.append(table.c.kind.in_(asked.kinds))
    if asked.store_id is not None:
        conditions.append(table.c.store_id == asked.store_id)
    if asked.words is not None:
        conditions.append(
            or_(
                table.c.merchant_ref.icontains(asked.words, autoescape=True),
                table.c.receipt.icontains(asked.words, autoescape=True),
                captures(tables.hold.c.merchant_ref.icontains(asked.words, autoescape=True)),
            )
        )
    return conditions
