"""The rebuild: every wallet's and lot's figures anew, from sealed openings and later postings.

Where the audit compares stored figures with all postings there ever were, this takes the sealed
month ends at their word, once it has verified them: that each opening is the one before it plus a
month of postings, and that heads, chain and signatures hold. From the newest openings it adds up
what has been posted since and compares every figure that is stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from network.ledger.archive_reading import AllTime
from network.ledger.audit_pass import EXAMPLES, Check, Pass, Rule, run_pass
from network.ledger.month_ends import verify_month_ends
from network.ledger.seal import Verifier
from network.ledger.tables import month_end

MONTH_ENDS = "month_ends"

_SUMS = (
    *("pending", "available", "held", "redeemed", "expired", "clawed_back"),
    *("credited", "issued", "transferred", "unmatched", "debt"),
)
_LATEST = "coalesce((SELECT max(month) FROM ledger.month_end), '-infinity')"
_KEY = "member_id, lot_id, issuer_id"

OPENINGS = Pass(
    body=f"""
        SELECT coalesce(o.member_id, p.member_id) AS member_id,
               coalesce(o.lot_id, p.lot_id) AS lot_id,
               coalesce(o.issuer_id, p.issuer_id) AS issuer_id,
               coalesce(o.month, p.month) AS month,
               ROW({", ".join(f"o.{name}" for name in _SUMS)}) AS stepped,
               ROW({", ".join(f"p.{name}" for name in _SUMS)}) AS posted
        FROM (
            SELECT {_KEY}, month,
                   {", ".join(f"{n} - lag({n}, 1, 0::bigint) OVER lots AS {n}" for n in _SUMS)}
            FROM ledger.opening WINDOW lots AS (PARTITION BY {_KEY} ORDER BY month)
        ) AS o
        FULL JOIN (
            SELECT m.* FROM ledger.lot_months('-infinity', {_LATEST}) AS m
        ) AS p USING ({_KEY}, month)
    """,
    rules=(
        Rule(
            name="openings_match_postings",
            wrong="stepped IS DISTINCT FROM posted",
            example="format('member %s, lot %s, opening of %s: grew by %s, by postings %s',"
            " member_id, lot_id, month, stepped, posted)",
        ),
    ),
)

# What every lot and debt comes to: the newest opening of each, and what was posted since.
_REBUILT = f"""
    SELECT {_KEY}, {", ".join(f"sum({name})::bigint AS {name}" for name in _SUMS)}
    FROM (
        (SELECT DISTINCT ON ({_KEY}) {_KEY}, {", ".join(_SUMS)}
         FROM ledger.opening WHERE month <= {_LATEST}
         ORDER BY member_id, lot_id, issuer_id, month DESC)
        UNION ALL
        SELECT {_KEY}, {", ".join(_SUMS)} FROM ledger.lot_months({_LATEST}, 'infinity')
    ) AS parts GROUP BY {_KEY}
"""

LOTS = Pass(
    body=f"""
        SELECT coalesce(l.member_id, r.member_id) AS member_id,
               coalesce(l.lot_id, r.lot_id) AS lot_id,
               ROW(CASE WHEN l.active THEN 0 ELSE l.remaining END,
                   CASE WHEN l.active THEN l.remaining ELSE 0 END,
                   l.held, l.redeemed, l.expired, l.clawed_back, l.granted, l.moved) AS stored,
               ROW(r.pending, r.available, r.held, r.redeemed, r.expired, r.clawed_back,
                   r.credited, r.credited - r.issued - r.unmatched + r.transferred) AS rebuilt
        FROM ledger.lot AS l
        FULL JOIN (SELECT * FROM ({_REBUILT}) AS r WHERE lot_id <> 0) AS r
            ON r.member_id = l.member_id AND r.lot_id = l.lot_id AND r.issuer_id = l.issuer_id
    """,
    rules=(
        Rule(
            name="lots_rebuilt",
            wrong="stored IS DISTINCT FROM rebuilt",
            example="format('member %s, lot %s: stored %s, rebuilt %s', member_id, lot_id,"
            " stored, rebuilt)",
        ),
    ),
)

DEBTS = Pass(
    body=f"""
        SELECT member_id, issuer_id, coalesce(d.points, 0) AS points, coalesce(r.debt, 0) AS debt
        FROM ledger.debt AS d
        FULL JOIN (SELECT * FROM ({_REBUILT}) AS r WHERE lot_id = 0) AS r
            USING (member_id, issuer_id)
    """,
    rules=(
        Rule(
            name="debts_rebuilt",
            wrong="points <> debt",
            example="format('member %s owes issuer %s: stored %s, rebuilt %s', member_id,"
            " issuer_id, points, debt)",
        ),
    ),
)

WALLETS = Pass(
    body=f"""
        SELECT member_id,
               ROW(coalesce(w.available, 0), coalesce(w.pending, 0), coalesce(w.held, 0),
                   coalesce(w.debt, 0)) AS stored,
               ROW(coalesce(r.available, 0)::bigint, coalesce(r.pending, 0)::bigint,
                   coalesce(r.held, 0)::bigint, coalesce(r.debt, 0)::bigint) AS rebuilt
        FROM ledger.wallet AS w
        FULL JOIN (
            SELECT member_id, sum(available) AS available, sum(pending) AS pending,
                   sum(held) AS held, sum(debt) AS debt
            FROM ({_REBUILT}) AS r GROUP BY member_id
        ) AS r USING (member_id)
    """,
    rules=(
        Rule(
            name="wallets_rebuilt",
            wrong="stored IS DISTINCT FROM rebuilt",
            example="format('member %s: available, pending, held, debt are %s, rebuilt %s',"
            " member_id, stored, rebuilt)",
        ),
    ),
)

PASSES = (OPENINGS, LOTS, DEBTS, WALLETS)


def rebuild_checks(session: Session, *, verify: Verifier | None = None) -> Iterator[Check]:
    """Yield one result per comparison, as they are done, in the order of rebuild_names.

    ``session`` must see one snapshot (``Database.snapshot``), as for the audit, which comes first
    in the same session.
    """
    AllTime(session)
    yield _month_ends(session, verify)
    for part in PASSES:
        yield from run_pass(session, part)


def rebuild_names() -> list[str]:
    """Return the names of the comparisons, in the order in which they are done."""
    return [MONTH_ENDS] + [rule.name for part in PASSES for rule in part.rules]


def _month_ends(session: Session, verify: Verifier | None) -> Check:
    faults = verify_month_ends(session, verify=verify)
    return Check(
        name=MONTH_ENDS,
        rows=session.scalar(select(func.count()).select_from(month_end)) or 0,
        differences=len(faults),
        examples=tuple(f"{fault.month}: {fault.what}" for fault in faults[:EXAMPLES]),
    )
