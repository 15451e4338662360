"""From pairs and leftovers to breaks: what differs, and what became of what differed before.

Works on the tables of ``sides`` and ``pairing``, set by set, within their transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

# What each side says, as it is kept with a break and compared with the next version of the record.
_THEIRS = """
    jsonb_strip_nulls(jsonb_build_object(
        'type', t.type, 'merchant_ref', t.merchant_ref, 'occurred_at', t.occurred_at,
        'amount', t.amount, 'points', t.points, 'status', t.status, 'member', t.member_id,
        'store', t.store, 'terminal', t.terminal, 'receipt', t.receipt))
"""
_OURS = """
    jsonb_strip_nulls(jsonb_build_object(
        'type', o.type, 'merchant_ref', o.merchant_ref, 'occurred_at', o.effective_at,
        'amount', o.amount, 'points', o.points, 'status', o.status, 'member', o.person_id,
        'business_date', o.business_date, 'store', o.store, 'terminal', o.terminal,
        'receipt', o.receipt))
"""
_ENTRY_SUBJECT = "'e:' || o.member_id || ':' || o.sequence"

_DIFFERENCES = {
    "member_differs": "t.member_id <> o.person_id",
    "status_differs": "t.status <> o.status",
    "amount_differs": "t.amount <> o.amount",
    "points_differ": "t.status = o.status AND t.points <> o.points",
    "date_differs": "o.status = 'done' AND o.business_date <> :day",
}
_KINDS = ", ".join(f"CASE WHEN {wrong} THEN '{kind}' END" for kind, wrong in _DIFFERENCES.items())
_COMPARED = text(f"""
    CREATE TEMP TABLE found ON COMMIT DROP AS
    SELECT {_ENTRY_SUBJECT} AS subject, array_remove(ARRAY[{_KINDS}], NULL) AS kinds,
           t.line, {_THEIRS} AS theirs, o.member_id, o.sequence, {_OURS} AS ours
    FROM pair AS p
    JOIN their_line AS t ON t.line = p.line
    JOIN our_entry AS o ON o.place = p.place
    WHERE {" OR ".join(f"({wrong})" for wrong in _DIFFERENCES.values())}
""")
# A line that says what another line says already, of this record or of another day's, is a
# duplicate; one that moved nothing is nothing to miss. Only lines that share their name with one
# that is left over are looked at.
_MISSING_HERE = text(f"""
    INSERT INTO found (subject, kinds, line, theirs)
    SELECT 'l:' || t.type || ':' || t.merchant_ref || ':' || row_number() OVER (
               PARTITION BY t.type, t.merchant_ref
               ORDER BY t.occurred_at, t.amount, t.points, t.member_id, t.store, t.terminal,
                        t.receipt, t.line),
           ARRAY[CASE WHEN t.again THEN 'duplicate' ELSE 'missing_here' END], t.line, {_THEIRS}
    FROM (
        SELECT l.*, row_number() OVER (
                   PARTITION BY l.type, l.merchant_ref
                   ORDER BY (p.line IS NULL), l.occurred_at, l.amount, l.points, l.member_id,
                            l.store, l.terminal, l.receipt, l.line) > 1
               OR EXISTS (SELECT FROM our_entry AS o WHERE o.claimed AND o.type = l.type
                          AND o.merchant_ref = l.merchant_ref) AS again,
               p.line IS NOT NULL AS paired
        FROM their_line AS l LEFT JOIN pair AS p ON p.line = l.line
        WHERE (p.line IS NOT NULL OR l.status = 'done')
          AND (l.type, l.merchant_ref) IN (SELECT r.type, r.merchant_ref FROM their_rest AS r)
    ) AS t
    WHERE NOT t.paired
""")
_MISSING_THERE = text(f"""
    INSERT INTO found (subject, kinds, member_id, sequence, ours)
    SELECT {_ENTRY_SUBJECT},
           ARRAY[CASE WHEN (o.type, o.merchant_ref) IN (
                              SELECT x.type, x.merchant_ref FROM our_entry AS x
                              JOIN pair AS q ON q.place = x.place
                              WHERE (x.type, x.merchant_ref) IN (SELECT n.type, n.merchant_ref
                                                                 FROM our_rest AS n))
                      THEN 'duplicate' ELSE 'missing_there' END],
           o.member_id, o.sequence, {_OURS}
    FROM our_entry AS o
    WHERE o.business_date = :day AND o.status = 'done'
      AND o.place IN (SELECT r.place FROM our_rest AS r)
""")

# Where both sides agree on the money but not on the points, the rules gave ours; where points were
# never posted, or posted to a purchase of another amount, they are what has to move.
_SUGGESTION = """
    CASE WHEN f.kinds[1] = 'missing_here' AND f.theirs ->> 'type' = 'earn' THEN 'post_earn'
         WHEN f.kinds[1] IN ('amount_differs', 'points_differ') AND f.theirs ? 'points'
              AND f.theirs ->> 'type' = 'earn' THEN 'adjust_points'
         WHEN f.kinds[1] = 'status_differs' AND f.ours ->> 'status' = 'done'
              AND f.theirs ->> 'type' = 'redeem' THEN 'adjust_money'
         ELSE 'accept_ours' END
"""
_CHANGED = """
    (b.theirs IS DISTINCT FROM f.theirs OR b.ours IS DISTINCT FROM f.ours
     OR b.kinds IS DISTINCT FROM f.kinds)
"""
_OF_THE_DAY = "b.merchant_id = :merchant_id AND b.business_date = :day"
_EVENTS = """
    INSERT INTO network.break_event (break_event_id, break_id, at, actor, action, facts)
    SELECT uuidv7(), b.break_id, :wall, 'system', {action},
           jsonb_build_object('version', CAST(:version AS bigint))
    FROM network.reconciliation_break AS b {found} WHERE {of_the_day} AND {condition}
"""
_JOIN_FOUND = "JOIN found AS f ON f.subject = b.subject"
_NOT_FOUND = "NOT EXISTS (SELECT FROM found AS f WHERE f.subject = b.subject)"
# History first, while the rows still say what they said.
_HISTORY = (
    _EVENTS.format(
        action="CASE WHEN b.closed_at IS NULL THEN 'changed' ELSE 'reopened' END",
        found=_JOIN_FOUND,
        of_the_day=_OF_THE_DAY,
        condition=f"(b.state = 'gone' OR {_CHANGED})",
    ),
    _EVENTS.format(
        action="'gone'",
        found="",
        of_the_day=_OF_THE_DAY,
        condition=f"b.closed_at IS NULL AND {_NOT_FOUND}",
    ),
)
_STILL_THERE = text(f"""
    UPDATE network.reconciliation_break AS b
    SET reconciliation_id = :reconciliation_id, kind = f.kinds[1], kinds = f.kinds, line = f.line,
        theirs = f.theirs, member_id = f.member_id, sequence = f.sequence, ours = f.ours,
        suggestion = {_SUGGESTION},
        state = CASE WHEN b.state = 'gone' OR (b.state = 'resolved' AND {_CHANGED}) THEN 'open'
                     ELSE b.state END,
        closed_at = CASE WHEN b.state = 'gone' OR (b.state = 'resolved' AND {_CHANGED}) THEN NULL
                         ELSE b.closed_at END,
        resolution = CASE WHEN b.state = 'resolved' AND {_CHANGED} THEN NULL
                          ELSE b.resolution END
    FROM found AS f WHERE {_OF_THE_DAY} AND f.subject = b.subject
""")
_GONE = text(f"""
    UPDATE network.reconciliation_break AS b SET state = 'gone', closed_at = :wall
    WHERE {_OF_THE_DAY} AND b.state = 'open' AND {_NOT_FOUND}
""")
_NEW = text(f"""
    INSERT INTO network.reconciliation_break
        (break_id, merchant_id, business_date, subject, reconciliation_id, kind, kinds, line,
         theirs, member_id, sequence, ours, suggestion, state, opened_at)
    SELECT uuidv7(), :merchant_id, :day, f.subject, :reconciliation_id, f.kinds[1], f.kinds,
           f.line, f.theirs, f.member_id, f.sequence, f.ours, {_SUGGESTION}, 'open', :wall
    FROM found AS f
    WHERE NOT EXISTS (SELECT FROM network.reconciliation_break AS b
                      WHERE {_OF_THE_DAY} AND b.subject = f.subject)
    ORDER BY f.line, f.member_id, f.sequence
""")
_MATCHES = text("""
    INSERT INTO network.reconciliation_match
        (reconciliation_id, line, member_id, sequence, method)
    SELECT :reconciliation_id, p.line, o.member_id, o.sequence, p.method
    FROM pair AS p JOIN our_entry AS o ON o.place = p.place
""")
_COUNTS = text("""
    SELECT (SELECT count(*) FROM pair) AS pairs,
           (SELECT count(*) FROM found) AS breaks,
           (SELECT count(*) FROM found
            WHERE line IS NOT NULL AND sequence IS NOT NULL) AS differing,
           (SELECT count(*) FROM found WHERE line IS NULL) AS missing_there,
           (SELECT count(*) FROM their_line AS t WHERE t.status <> 'done'
            AND t.line IN (SELECT r.line FROM their_rest AS r)) AS idle_lines
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a comparison came to; ``agreeing`` pairs have no difference."""

    entries: int
    agreeing: int
    idle_lines: int
    breaks: int


def compare(session: Session, *, day: date) -> Counts:
    """Fill ``found`` with every difference between the sides."""
    session.execute(_COMPARED, {"day": day})
    session.execute(_MISSING_HERE)
    session.execute(_MISSING_THERE, {"day": day})
    session.execute(text("ANALYZE found"))
    row = session.execute(_COUNTS).one()
    return Counts(
        entries=row.pairs + row.missing_there,
        agreeing=row.pairs - row.differing,
        idle_lines=row.idle_lines,
        breaks=row.breaks,
    )


def write(
    session: Session,
    *,
    reconciliation_id: UUID,
    merchant_id: UUID,
    day: date,
    version: int,
    wall: datetime,
) -> None:
    """Write pairs and breaks; a break of an earlier version stays itself, or is closed as gone.

    One that was resolved stays so while both sides say the same.
    """
    about = {
        "reconciliation_id": reconciliation_id,
        "merchant_id": merchant_id,
        "day": day,
        "version": version,
        "wall": wall,
    }
    for statement in _HISTORY:
        session.execute(text(statement), about)
    for each in (_STILL_THERE, _GONE, _NEW, _MATCHES):
        session.execute(each, about)
