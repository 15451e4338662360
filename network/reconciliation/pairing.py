"""Matching, set by set: idempotency key; reference; till, receipt and date; amount and time.

Each step looks only at what the steps before left over, and pairs one to one: where several lines
share a name, the first of one side goes with the first of the other in an order of what they say,
never of where they stand in the file. The steps work on the tables of ``sides``; what no step
pairs is left in ``their_rest`` and ``our_rest``, which are small on a usual day.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from network.reconciliation.matching import Timed, pair_by_time
from network.reconciliation.sides import rows_of

_PAIR = """
    CREATE TEMP TABLE pair (line bigint NOT NULL, place bigint NOT NULL, method text NOT NULL)
    ON COMMIT DROP
"""
_BY_KEY = text("""
    INSERT INTO pair
    SELECT DISTINCT ON (o.place) k.line, o.place, 'idempotency_key'
    FROM (SELECT DISTINCT ON (t.idempotency_key) t.line, t.idempotency_key FROM their_line AS t
          WHERE t.idempotency_key IS NOT NULL
          ORDER BY t.idempotency_key, t.occurred_at, t.merchant_ref, t.amount, t.points, t.line
         ) AS k
    JOIN ledger.idempotency AS i ON i.client_id = :merchant_id AND i.key = k.idempotency_key
    JOIN our_entry AS o ON o.member_id = i.member_id AND o.sequence = i.sequence
    WHERE NOT o.claimed
    ORDER BY o.place, k.idempotency_key
""")
# Nearly every line of a usual day: a reference that stands once on each side.
_BY_REFERENCE = text("""
    INSERT INTO pair
    SELECT t.line, o.place, 'reference'
    FROM (SELECT min(line) AS line, type, merchant_ref FROM their_line
          GROUP BY type, merchant_ref HAVING count(*) = 1) AS t
    JOIN (SELECT min(place) AS place, type, merchant_ref FROM our_entry
          WHERE NOT claimed GROUP BY type, merchant_ref HAVING count(*) = 1) AS o
         ON o.type = t.type AND o.merchant_ref = t.merchant_ref
    WHERE NOT EXISTS (SELECT FROM pair AS p WHERE p.line = t.line)
      AND NOT EXISTS (SELECT FROM pair AS p WHERE p.place = o.place)
""")
_REST = (
    """
    CREATE TEMP TABLE their_rest ON COMMIT DROP AS
    SELECT t.line, t.type, t.merchant_ref, t.occurred_at AS at, t.member_id, t.store, t.terminal,
           t.receipt, ledger.programme_date(t.occurred_at) AS day, t.amount, t.points,
           CASE WHEN t.type IN ('earn', 'refund_earn') THEN t.amount ELSE t.points END AS measure
    FROM their_line AS t WHERE NOT EXISTS (SELECT FROM pair AS p WHERE p.line = t.line)
    """,
    """
    CREATE TEMP TABLE our_rest ON COMMIT DROP AS
    SELECT o.place, o.type, o.merchant_ref, o.effective_at AS at, o.person_id AS member_id,
           o.store, o.terminal, o.receipt, ledger.programme_date(o.effective_at) AS day,
           o.amount, o.points,
           CASE WHEN o.type IN ('earn', 'refund_earn') THEN o.amount ELSE o.points END AS measure
    FROM our_entry AS o
    WHERE NOT o.claimed AND NOT EXISTS (SELECT FROM pair AS p WHERE p.place = o.place)
    """,
)
_TAKE_MET = """
    , theirs AS (DELETE FROM their_rest AS r USING met WHERE r.line = met.line),
      ours AS (DELETE FROM our_rest AS r USING met WHERE r.place = met.place)
    INSERT INTO pair SELECT line, place, :method FROM met
"""
_SAID = "at, merchant_ref, amount, points, member_id, store, terminal, receipt"


@dataclass(frozen=True, slots=True)
class _Step:
    """Columns that must be there and equal on both sides, and what the step is called."""

    method: str
    columns: tuple[str, ...]


_STEPS: Sequence[_Step] = (
    _Step("reference", ("type", "merchant_ref", "member_id", "measure")),
    _Step("reference", ("type", "merchant_ref", "measure")),
    _Step("reference", ("type", "merchant_ref", "member_id")),
    _Step("reference", ("type", "merchant_ref")),
    _Step("receipt", ("type", "store", "terminal", "receipt", "day", "measure")),
    _Step("receipt", ("type", "terminal", "receipt", "day", "measure")),
    _Step("receipt", ("type", "terminal", "receipt", "day")),
    _Step("amount_time", ("type", "measure", "at")),
)


def match(session: Session, *, merchant_id: UUID) -> None:
    """Fill ``pair`` with lines and entries that are the same, each in one pair at most."""
    session.execute(text(_PAIR))
    session.execute(_BY_KEY, {"merchant_id": merchant_id})
    session.execute(_BY_REFERENCE)
    session.execute(text("ANALYZE pair"))
    for statement in _REST:
        session.execute(text(statement))
    for table in ("their_rest", "our_rest"):
        session.execute(text(f"ANALYZE {table}"))
    for step in _STEPS:
        session.execute(_statement(step), {"method": step.method})
    _by_time(session)
    session.execute(text("ANALYZE pair"))


def _statement(step: _Step) -> TextClause:
    """Return the statement of a step: n-th with n-th among those that share its columns."""
    columns = ", ".join(step.columns)
    there = " AND ".join(f"r.{name} IS NOT NULL" for name in step.columns)
    same = " AND ".join(f"o.{name} = t.{name}" for name in step.columns)

    def side(table: str, number: str) -> str:
        return (
            f"(SELECT r.{number}, {', '.join(f'r.{name}' for name in step.columns)},"
            f" row_number() OVER (PARTITION BY {columns} ORDER BY {_SAID}, {number}) AS nth"
            f" FROM {table} AS r WHERE {there})"
        )

    return text(
        f"WITH met AS (SELECT t.line, o.place FROM {side('their_rest', 'line')} AS t"
        f" JOIN {side('our_rest', 'place')} AS o ON {same} AND o.nth = t.nth)" + _TAKE_MET
    )


def _by_time(session: Session) -> None:
    """Pair what is left by type, measure and a time that is near."""

    def left(table: str, number: str) -> str:
        return (
            f"SELECT r.{number} AS number, r.type, r.measure, r.at FROM {table} AS r"
            f" WHERE r.measure IS NOT NULL"
            f" ORDER BY r.type, r.measure, {_SAID}, {number}"
        )

    with (
        closing(rows_of(session, left("their_rest", "line"))) as theirs,
        closing(rows_of(session, left("our_rest", "place"))) as ours,
    ):
        found = list(pair_by_time(map(_timed, theirs), map(_timed, ours)))
    if found:
        session.execute(
            text(
                "WITH met AS (SELECT * FROM unnest(CAST(:lines AS bigint[]),"
                " CAST(:places AS bigint[])) AS f (line, place))" + _TAKE_MET
            ),
            {
                "method": "amount_time",
                "lines": [line for line, _ in found],
                "places": [place for _, place in found],
            },
        )


def _timed(row: Row[Any]) -> Timed:
    return Timed(number=row.number, group=(row.type, row.measure), at=row.at)
