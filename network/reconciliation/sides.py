"""The two sides in temporary tables: the merchant's lines by COPY, the ledger's entries by SELECT.

Both live as long as the transaction. Nothing here is written to a table that stays.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from datetime import date, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import text
from sqlalchemy.orm import Session

from network.errors import InvariantError
from network.reconciliation.facts import Fault
from network.reconciliation.reading import Line

MOST_FAULTS = 100
"""So many faults of a record are kept in words; all are counted."""

_LINES_AT_ONCE = 20_000
_DAYS_BEFORE, _DAYS_AFTER = timedelta(days=1), timedelta(days=8)
"""Entries of these days around a record's may be its lines: late tills, other cut-offs."""

_THEIR_LINES = """
    CREATE TEMP TABLE their_line (
        line bigint NOT NULL, type text COLLATE "C" NOT NULL,
        merchant_ref text COLLATE "C" NOT NULL, idempotency_key text COLLATE "C",
        occurred_at timestamptz NOT NULL, amount bigint, points bigint, status text NOT NULL,
        member_id uuid, card text, store text COLLATE "C", terminal text COLLATE "C",
        receipt text COLLATE "C"
    ) ON COMMIT DROP
"""
_COPY = f"COPY their_line ({', '.join(Line._fields)}) FROM STDIN (FORMAT BINARY)"
_COLUMN_TYPES = (
    *("int8", "text", "text", "text", "timestamptz", "int8", "int8", "text"),
    *("uuid", "text", "text", "text", "text"),
)
_CARDS = text("""
    UPDATE their_line AS t SET member_id = c.member_id
    FROM network.card AS c WHERE c.card_number = t.card AND t.card IS NOT NULL
""")

# A redemption is one row here, however many calls made it: captured or taken at once it is done, on
# the day that settles it; a hold stands by itself. claimed: another day's record has this entry.
_OUR_ENTRIES = text("""
    CREATE TEMP TABLE our_entry ON COMMIT DROP AS
    WITH called AS MATERIALIZED (
        SELECT e.member_id, e.sequence, e.business_date, e.kind, e.merchant_ref, e.store_id,
               e.terminal, e.receipt, e.amount, e.effective_at, e.original_sequence,
               coalesce(ledger.person_in(e.actor), e.member_id) AS person_id
        FROM ledger.entry AS e
        WHERE e.merchant_id = :merchant_id
          AND e.business_date >= :first AND e.business_date < :end
          AND e.kind IN ('issuance', 'redemption', 'refund_issuance', 'refund_redemption',
                         'capture', 'authorisation')
    ), moved AS (
        SELECT c.member_id, c.sequence, sum(p.points)::bigint AS points
        FROM called AS c
        JOIN ledger.movement AS p ON p.member_id = c.member_id AND p.sequence = c.sequence
             AND p.business_date = c.business_date
        WHERE p.business_date >= :first AND p.business_date < :end
          AND CASE c.kind WHEN 'issuance' THEN p.source = 'issuance'
                          WHEN 'refund_issuance' THEN p.target IN ('clawback', 'receivable')
                          ELSE 'redemption' IN (p.source, p.target) END
        GROUP BY c.member_id, c.sequence
    ), plain AS (
        SELECT c.member_id, c.sequence,
               CASE c.kind WHEN 'issuance' THEN 'earn' WHEN 'redemption' THEN 'redeem'
                    WHEN 'refund_issuance' THEN 'refund_earn' ELSE 'refund_redeem' END AS type,
               c.merchant_ref, c.business_date, c.effective_at, c.amount,
               coalesce(m.points, 0) AS points, 'done' AS status, c.store_id, c.terminal, c.receipt,
               c.person_id
        FROM called AS c
        LEFT JOIN moved AS m ON m.member_id = c.member_id AND m.sequence = c.sequence
        WHERE c.kind IN ('issuance', 'redemption', 'refund_issuance', 'refund_redemption')
    ), captured AS (
        SELECT c.member_id, c.sequence, 'redeem', h.merchant_ref, c.business_date, a.effective_at,
               coalesce(c.amount, a.amount), h.captured, 'done', a.store_id, a.terminal, a.receipt,
               c.person_id
        FROM called AS c
        JOIN ledger.hold AS h ON h.member_id = c.member_id AND h.sequence = c.original_sequence
        JOIN ledger.entry AS a ON a.member_id = h.member_id AND a.sequence = h.sequence
             AND a.business_date = h.business_date
        WHERE c.kind = 'capture'
    ), held AS (
        SELECT c.member_id, c.sequence, 'redeem', c.merchant_ref, c.business_date, c.effective_at,
               c.amount, h.points,
               CASE h.state WHEN 'authorised' THEN 'authorised' ELSE 'voided' END,
               c.store_id, c.terminal, c.receipt, c.person_id
        FROM called AS c
        JOIN ledger.hold AS h ON h.member_id = c.member_id AND h.sequence = c.sequence
        WHERE c.kind = 'authorisation' AND h.state <> 'captured'
    ), claimed AS (
        SELECT DISTINCT m.member_id, m.sequence
        FROM network.reconciliation AS r
        JOIN network.reconciliation_match AS m ON m.reconciliation_id = r.reconciliation_id
        WHERE r.merchant_id = :merchant_id AND r.state = 'done' AND r.business_date <> :day
          AND r.business_date >= :around AND r.business_date < :end
    ), every AS (
        SELECT * FROM plain UNION ALL SELECT * FROM captured UNION ALL SELECT * FROM held
    )
    SELECT row_number() OVER () AS place, e.member_id, e.person_id, e.sequence,
           e.type COLLATE "C" AS type, e.merchant_ref COLLATE "C" AS merchant_ref,
           e.business_date, e.effective_at, e.amount, e.points, e.status,
           s.code COLLATE "C" AS store, e.terminal COLLATE "C" AS terminal,
           e.receipt COLLATE "C" AS receipt, k.sequence IS NOT NULL AS claimed
    FROM every AS e
    LEFT JOIN network.store AS s ON s.store_id = e.store_id
    LEFT JOIN claimed AS k ON k.member_id = e.member_id AND k.sequence = e.sequence
""")


def bring_theirs(
    session: Session, *, found: Iterable[Line | Fault]
) -> tuple[int, int, tuple[Fault, ...]]:
    """Write a record's lines into ``their_line``; return lines, how many faults, and the first."""
    session.execute(text(_THEIR_LINES))
    faults: list[Fault] = []
    faulty = lines = cards = 0
    # Piece by piece: the record comes over the same connection, which COPY has to itself.
    waiting = iter(found)
    while piece := list(islice(waiting, _LINES_AT_ONCE)):
        good = [each for each in piece if isinstance(each, Line)]
        wrong = [each for each in piece if isinstance(each, Fault)]
        lines += len(good)
        cards += sum(each.card is not None for each in good)
        faulty += len(wrong)
        faults.extend(wrong[: MOST_FAULTS - len(faults)])
        with _cursor(session) as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_COLUMN_TYPES)
            for each in good:
                copy.write_row(each)
    if cards and not faulty:
        session.execute(_CARDS)
    session.execute(text("ANALYZE their_line"))
    return lines, faulty, tuple(faults)


def bring_ours(session: Session, *, merchant_id: UUID, day: date) -> None:
    """Write the merchant's entries on and around a business day into ``our_entry``."""
    first, end = day - _DAYS_BEFORE, day + _DAYS_AFTER
    session.execute(
        _OUR_ENTRIES,
        {
            "merchant_id": merchant_id,
            "day": day,
            "first": first,
            "end": end,
            # A record that begins so much earlier still reaches the first of these days.
            "around": first - _DAYS_AFTER,
        },
    )
    session.execute(text("ANALYZE our_entry"))


def rows_of(session: Session, statement: str) -> Generator[Any, None, None]:
    """Yield the rows of a query as they arrive from a cursor on the server; close it at the end."""
    with session.execute(text(statement), execution_options={"yield_per": 10_000}) as result:
        yield from result


def _cursor(session: Session) -> Cursor[Any]:
    """Return a cursor of the driver on the session's own connection, in its transaction."""
    raw = session.connection().connection.driver_connection
    if raw is None:
        raise InvariantError("the session has no connection")
    cursor: Cursor[Any] = raw.cursor()
    return cursor
