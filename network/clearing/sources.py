"""What a window is reckoned from: the closed days' postings and the prices of the programme."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import Agreement, FaceValue, PoolBalance, PostingSum
from network.ledger.crossings import CROSSINGS, SIGNED

_BATCH = 2000
_POOL_ACCOUNTS = "('issuance', 'adjustment', 'clawback', 'expiry')"
_SETTLED = f"""
    business_date >= :first_day AND business_date < :end_day
    AND (source = 'redemption' OR target = 'redemption' AND NOT negative
         OR terms_id = ANY (CAST(:on_issue AS uuid[])) AND c.account IN {_POOL_ACCOUNTS})
"""
"""The crossings (c) that money follows: redemptions, and whatever moves points on issue.

Redemptions by their columns and not by ``account``: the planner knows how many of those there are.
What is quickly said of a movement stands first.
"""

# The one statement that reads a whole day. Everything after it works on its few rows.
POSTING_SUMS = f"""
    SELECT c.account::text AS account, issuer_id, acceptor_id, terms_id, priced_on, negative,
           CASE WHEN negative THEN -sum(points) ELSE sum(points) END AS points,
           count(*) AS postings
    FROM {CROSSINGS} AS c WHERE {_SETTLED}
    GROUP BY c.account, issuer_id, acceptor_id, terms_id, priced_on, negative
"""
"""A query for the columns of PostingSum; its parameters are those of ``settled_days``."""

_SUMS_BY_ISSUER = text(f"""
    {POSTING_SUMS}
    ORDER BY issuer_id, account DESC, acceptor_id, terms_id, priced_on, negative
""")

# What lots hold now, less what moved since: no past state of a lot is kept.
_OUTSTANDING = text(f"""
    SELECT terms_id, sum(points)::bigint AS points FROM (
        SELECT terms_id, remaining + held AS points FROM ledger.lot
        WHERE terms_id = ANY (CAST(:on_issue AS uuid[])) AND (open OR held > 0)
        UNION ALL
        SELECT terms_id, {SIGNED} FROM {CROSSINGS} AS c
        WHERE business_date >= :end_day AND terms_id = ANY (CAST(:on_issue AS uuid[]))
          AND (account = 'redemption' OR account IN {_POOL_ACCOUNTS})
    ) AS found
    GROUP BY terms_id HAVING sum(points) <> 0
""")


def posting_sums(session: Session, *, first_day: date, end_day: date) -> Iterator[PostingSum]:
    """Stream the points that money follows on the days [first_day, end_day), issuer by issuer."""
    rows = session.execute(
        _SUMS_BY_ISSUER,
        settled_days(session, first_day=first_day, end_day=end_day),
        execution_options={"yield_per": _BATCH},
    )
    for account, issuer, acceptor, terms, priced_on, negative, points, postings in rows:
        yield PostingSum(
            account, issuer, acceptor, terms, priced_on, negative, int(points), postings
        )


def outstanding_on_issue(session: Session, *, end_day: date) -> dict[UUID, int]:
    """Return the points on issue that members held when ``end_day`` began, by terms.

    Read from the lots, so that it owes nothing to the obligations it is compared with.
    """
    rows = session.execute(
        _OUTSTANDING, {"end_day": end_day, "on_issue": terms_on_issue(session)}
    ).all()
    return {row.terms_id: row.points for row in rows}


def terms_on_issue(session: Session) -> list[UUID]:
    """Return the approved agreements whose points are paid for when they are given."""
    return list(
        session.scalars(
            text("""
                SELECT agreement_id FROM network.agreement
                WHERE funding = 'on_issue' AND approved_at IS NOT NULL ORDER BY agreement_id
            """)
        )
    )


def pool_balances(session: Session, *, before: date | None = None) -> list[PoolBalance]:
    """Return what each issuer's points in the pool cost, by the windows before a day (or all)."""
    rows = session.execute(
        text("""
            SELECT DISTINCT ON (b.terms_id) b.issuer_id, b.terms_id, b.points, b.price, b.amount,
                   b.currency
            FROM network.pool_balance b
            JOIN network.settlement_window w ON w.window_id = b.window_id
            WHERE w.state <> 'aborted'
              AND (CAST(:before AS date) IS NULL OR w.first_day < :before)
            ORDER BY b.terms_id, w.first_day DESC
        """),
        {"before": before},
    )
    return [PoolBalance(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def agreements(session: Session) -> list[Agreement]:
    """Return every approved agreement there has been."""
    rows = session.execute(
        text("""
            SELECT agreement_id, merchant_id, effective_from, issue_price, acceptance_fee, currency,
                   funding, breakage_beneficiary, vat_rate, vat_on
            FROM network.agreement WHERE approved_at IS NOT NULL
            ORDER BY merchant_id, effective_from
        """)
    )
    return [Agreement(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def face_values(session: Session) -> list[FaceValue]:
    """Return every face value there has been."""
    rows = session.execute(
        text("""
            SELECT effective_from, numerator, denominator, currency
            FROM network.face_value ORDER BY effective_from
        """)
    )
    return [FaceValue(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def postings_count(session: Session, *, first_day: date, end_day: date) -> tuple[int, int]:
    """Return how many postings of the days money follows, and how many points they move.

    Points that members got count like points they gave up: above zero.
    """
    row = session.execute(
        text(f"""
            SELECT count(*) AS postings, coalesce(sum(points), 0) AS points
            FROM {CROSSINGS} AS c WHERE {_SETTLED}
        """),
        settled_days(session, first_day=first_day, end_day=end_day),
    ).one()
    return row.postings, int(row.points)


def settled_days(session: Session, *, first_day: date, end_day: date) -> dict[str, object]:
    """Return the parameters by which the postings of days that money follows are found."""
    return {"first_day": first_day, "end_day": end_day, "on_issue": terms_on_issue(session)}


def merchant_codes(session: Session) -> dict[UUID, str]:
    """Return every merchant's code by its id."""
    rows = session.execute(text("SELECT merchant_id, code FROM network.merchant"))
    return {row.merchant_id: row.code for row in rows}


def windows_over(session: Session, *, first_day: date, end_day: date) -> int:
    """Return how often the days [first_day, end_day) stand in a window; once each is right."""
    found: int = session.execute(
        text("""
            SELECT count(*) FROM generate_series(
                CAST(:first_day AS date), CAST(:end_day AS date) - 1, interval '1 day') AS day
            JOIN network.settlement_window w
              ON day::date >= w.first_day AND day::date < w.end_day AND w.state <> 'aborted'
        """),
        {"first_day": first_day, "end_day": end_day},
    ).scalar_one()
    return found
