"""The postings behind obligations, each with its share of the amount, computed on demand.

A row per posting would double the ledger, and the closed day's postings never change, so shares
are not stored: one set-based query spreads each obligation over its postings by largest
remainder (floor towards minus infinity; what is left goes to the largest remainders, ties by
member, sequence, line), and gives the same answer each time. Shares add up to the obligation as
long as its points are those of its postings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Result, Row, TextClause, text
from sqlalchemy.orm import Session

from network.clearing.facts import EntryLine, LinePlace, StatementLine, WindowView
from network.clearing.naming import CONSENTING, told
from network.clearing.parties import NETWORK_PARTY
from network.ledger.crossings import CROSSINGS

_BATCH = 2000
# A window's obligations are few, its postings many, and the planner may not know yet: rows added a
# moment ago have no statistics, and a loop would scan the day once for each obligation. A cursor
# is planned for its first tenth, where all rows will be read.
_HASH_ALL = ("enable_nestloop = off", "cursor_tuple_fraction = 1")
_PLANNED_FREELY = ("enable_nestloop = DEFAULT", "cursor_tuple_fraction = DEFAULT")

_PLACE = tuple(LinePlace.__dataclass_fields__)

# exact / whole is the exact share; numeric's mod and div are exact, its division is not.
# What a kind says of its postings is their account, and whether they are below zero there; nobody
# takes points that are given, taken back or lapse, so the acceptor stands for the issuer then.
_OWED = (
    f"""
    WITH consenting AS ({CONSENTING.format(end_day=":end_day")}), owed AS (
        SELECT o.*, {told("o.payer_id", "o.payee_id")} AS told,
               CASE WHEN o.kind IN ('issuance', 'clawback', 'expiry') THEN o.kind
                    WHEN o.kind IN ('adjustment_up', 'adjustment_down') THEN 'adjustment'
                    ELSE 'redemption' END::ledger.account AS account,
               o.kind IN ('issuance', 'adjustment_up') OR o.points < 0 AS negative
        FROM network.obligation o
        WHERE o.window_id = :window_id AND {{obligations}} AND o.kind <> 'rounding'
    ), behind AS (
        SELECT o.obligation_id, o.payer_id, o.payer_account, o.payee_id, o.payee_account, o.kind,
               o.told, o.price, o.amount, o.currency, p.business_date, p.member_id, p.sequence,
               2 * p.line - CASE WHEN p.negative THEN 1 ELSE 0 END AS line,
               CASE WHEN o.points < 0 THEN -p.points ELSE p.points END AS points,
               o.amount::numeric * p.points AS exact, abs(o.points)::numeric AS whole
        FROM owed o
        JOIN """
    + CROSSINGS
    + """ p
          ON p.account = o.account AND p.issuer_id = o.issuer_id AND p.terms_id = o.terms_id
         AND coalesce(p.acceptor_id, p.issuer_id) = o.acceptor_id
         AND p.negative = o.negative
         AND (o.account <> 'redemption' OR p.priced_on = ANY (o.priced_on))
        WHERE p.business_date >= :first_day AND p.business_date < :end_day
          AND p.account = ANY (ARRAY(SELECT DISTINCT account FROM owed)) AND {postings}
    )
"""
)
SPREAD = (
    _OWED
    + """
    , floored AS (
        SELECT *, mod(mod(exact, whole) + whole, whole) AS rest FROM behind
    ), ranked AS (
        SELECT *, div(exact - rest, whole) AS floor,
               row_number() OVER (
                   PARTITION BY obligation_id ORDER BY rest DESC, member_id, sequence, line
               ) AS place,
               amount - sum(div(exact - rest, whole)) OVER (PARTITION BY obligation_id) AS left_over
        FROM floored
    ), shared AS (
        SELECT *, (floor + CASE WHEN place <= left_over THEN 1 ELSE 0 END)::bigint AS share
        FROM ranked
    )
"""
)
"""The shares of ``{obligations}``, conditions on ``o``, by posting: ``shared``.

``floor`` is the exact share rounded down, ``rest`` / ``whole`` what that leaves, ``place`` the
posting's place among the remainders of its obligation, ``left_over`` how many units go round.
"""

# Each posting stands on the payer's statement and, where that is a merchant, on the payee's; what a
# deposit pays stands on its owner's. The columns are in the order of StatementLine; who is not told
# with whom it has to do is told nothing, and reads the network there.
_SIDE = """
    CROSS JOIN LATERAL (
        SELECT s.payer_id AS merchant_id, s.payee_id AS other_id,
               CASE WHEN s.payer_account = 'deposit' THEN 'deposit'
                    WHEN s.payer_account <> 'settlement' THEN 'payable'
                    WHEN s.payee_account = 'vat' THEN 'vat'
                    WHEN s.payee_account = 'margin' THEN 'fee'
                    ELSE 'payable' END AS direction
        UNION ALL
        SELECT s.payee_id, s.payer_id, 'receivable' WHERE s.payee_account = 'settlement'
    ) AS side
"""
_SIDES = (
    """
    SELECT side.merchant_id, s.obligation_id, s.member_id, s.sequence, s.line, e.recorded_at,
           s.kind, side.direction,
           CASE WHEN s.told THEN coalesce(other.code, side.other_id::text) END AS counterparty,
           CASE WHEN e.merchant_id = side.merchant_id THEN e.merchant_ref END AS merchant_ref,
           s.points, s.price, s.share, s.currency
    FROM shared s
    JOIN ledger.entry e ON e.member_id = s.member_id AND e.sequence = s.sequence
     AND e.business_date = s.business_date
     AND e.business_date >= :first_day AND e.business_date < :end_day
"""
    + _SIDE
    + """
    LEFT JOIN network.merchant AS other ON s.told AND other.merchant_id = side.other_id
"""
)

ALL_LINES = SPREAD.format(obligations="true", postings="true") + _SIDES
"""Every line of a window's statements in no order, and the network's, which has no statement;
parameters as for a window."""

LINES_BETWEEN = (
    SPREAD.format(
        obligations="(o.payer_id BETWEEN :first AND :last OR o.payee_id BETWEEN :first AND :last)",
        postings="true",
    )
    + _SIDES
    + " WHERE side.merchant_id BETWEEN :first AND :last"
)
"""The same of the merchants whose ids lie between two."""

_ALL_STATEMENT_LINES = text(
    ALL_LINES
    + """
    WHERE side.merchant_id <> :network
    ORDER BY side.merchant_id, e.recorded_at, s.member_id, s.sequence, s.line, s.obligation_id,
             side.direction
"""
)

_OF_MERCHANT = "(o.payer_id = :merchant_id OR o.payee_id = :merchant_id)"
_STATEMENT_LINES = text(
    SPREAD.format(obligations=_OF_MERCHANT, postings="true")
    + _SIDES
    + """
    WHERE side.merchant_id = :merchant_id
      AND (CAST(:after_recorded_at AS timestamptz) IS NULL
           OR (e.recorded_at, s.member_id, s.sequence, s.line, s.obligation_id, side.direction)
            > (CAST(:after_recorded_at AS timestamptz), CAST(:after_member_id AS uuid),
               CAST(:after_sequence AS bigint), CAST(:after_line AS bigint),
               CAST(:after_obligation_id AS uuid), CAST(:after_direction AS text)))
    ORDER BY e.recorded_at, s.member_id, s.sequence, s.line, s.obligation_id, side.direction
    LIMIT :limit
"""
)

# As a table shows them. Shares need all postings of the merchant in any case, so another order
# costs no more than the usual one. Who is not told sorts behind all names.
_TABLE_LINES = (
    SPREAD.format(obligations=_OF_MERCHANT, postings="true")
    + _SIDES
    + """
    WHERE side.merchant_id = :merchant_id
      AND (CAST(:direction AS text) IS NULL OR side.direction = :direction)
    ORDER BY {column} {falls} NULLS LAST, e.recorded_at, s.member_id, s.sequence, s.line,
             s.obligation_id, side.direction
    LIMIT :limit OFFSET :offset
"""
)
_RANK = "array_position(CAST(:ranked AS text[]), {0})"
SORTS = {
    "recorded": "e.recorded_at",
    "kind": _RANK.format("s.kind"),
    "side": _RANK.format("side.direction"),
    "reference": "CASE WHEN e.merchant_id = side.merchant_id THEN e.merchant_ref END",
    "counterparty": _RANK.format("CASE WHEN s.told THEN other.code END"),
    "points": "s.points",
    "price": "s.price",
    "amount": "CASE side.direction WHEN 'receivable' THEN s.share ELSE -s.share END",
}
"""What a statement's lines may be sorted by, as a table shows it."""

# One entry's lines need no shares, so nothing but its own postings is read.
_ENTRY_LINES = text(
    _OWED.format(
        obligations=_OF_MERCHANT,
        postings="p.member_id = :member_id AND p.sequence = :sequence",
    )
    + f"""
    SELECT s.line, s.kind, side.direction, s.points, s.price
    FROM behind s {_SIDE}
    WHERE side.merchant_id = :merchant_id
    ORDER BY s.line, side.direction, s.kind, s.obligation_id
"""
)


def entry_lines(
    session: Session, *, window: WindowView, merchant_id: UUID, member_id: UUID, sequence: int
) -> list[EntryLine]:
    """Return those lines of a merchant's statement that one entry stands behind."""
    rows = session.execute(
        _ENTRY_LINES,
        _period(window)
        | {"merchant_id": merchant_id, "member_id": member_id, "sequence": sequence},
    )
    return [EntryLine(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def all_statement_lines(session: Session, *, window: WindowView) -> Iterator[StatementLine]:
    """Stream every statement's lines, merchant by merchant, each in the order of recording."""
    session.execute(text("SET LOCAL work_mem = '64MB'"))
    rows = spread(session, _ALL_STATEMENT_LINES, window=window, batch=_BATCH, network=NETWORK_PARTY)
    return map(_statement_line, rows)


def statement_lines(
    session: Session,
    *,
    window: WindowView,
    merchant_id: UUID,
    after: LinePlace | None,
    limit: int | None,
) -> Iterator[StatementLine]:
    """Stream a merchant's lines of a window in the order of recording, those behind ``after``."""
    place = {f"after_{name}": None for name in _PLACE}
    if after is not None:
        place = {f"after_{name}": getattr(after, name) for name in _PLACE}
    rows = spread(
        session,
        _STATEMENT_LINES,
        window=window,
        batch=_BATCH,
        merchant_id=merchant_id,
        limit=limit,
        **place,
    )
    return map(_statement_line, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTable:
    """A page of a statement's lines, of one side where ``direction`` names one.

    ``column`` is one of SORTS. ``ranked`` has codes (of kinds, sides or counterparties, whichever
    column it is) in the order of their names in the reader's language.
    """

    direction: str | None
    column: str
    falls: bool
    ranked: Sequence[str]
    offset: int
    limit: int


def table_lines(
    session: Session, *, window: WindowView, merchant_id: UUID, wanted: LineTable
) -> list[StatementLine]:
    """Return a page of a merchant's lines of a window in the order that a person wants."""
    rows = spread(
        session,
        text(
            _TABLE_LINES.format(
                column=SORTS[wanted.column], falls="DESC" if wanted.falls else "ASC"
            )
        ),
        window=window,
        merchant_id=merchant_id,
        direction=wanted.direction,
        ranked=list(wanted.ranked),
        offset=wanted.offset,
        limit=wanted.limit,
    )
    return [_statement_line(row) for row in rows]


def spread(
    session: Session,
    query: TextClause,
    *,
    window: WindowView,
    batch: int | None = None,
    **values: object,
) -> Result[*tuple[Any, ...]]:
    """Run a query over a whole window with the right plan; stream it in batches if asked."""
    for setting in _HASH_ALL:
        session.execute(text(f"SET LOCAL {setting}"))
    options = {} if batch is None else {"yield_per": batch}
    rows = session.execute(query, _period(window) | values, execution_options=options)
    for setting in _PLANNED_FREELY:
        session.execute(text(f"SET LOCAL {setting}"))
    return rows


def _period(window: WindowView) -> dict[str, object]:
    return {
        "window_id": window.window_id,
        "first_day": window.first_day,
        "end_day": window.end_day,
    }


def _statement_line(row: Row[*tuple[Any, ...]]) -> StatementLine:
    return StatementLine(*row)
