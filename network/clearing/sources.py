"""What a window is reckoned from: the closed days' postings and the prices of the programme."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.facts import Agreement, FaceValue, RedemptionSum

# The one statement that reads a whole day. Everything after it works on its few rows.
_REDEMPTION_SUMS = text("""
    SELECT issuer_id, acceptor_id, terms_id, priced_on, points < 0 AS undone,
           sum(points) AS points, count(*) AS postings
    FROM ledger.posting
    WHERE business_date >= :first_day AND business_date < :end_day AND account = 'redemption'
    GROUP BY issuer_id, acceptor_id, terms_id, priced_on, points < 0
    ORDER BY issuer_id, acceptor_id, terms_id, priced_on, undone
""")


def redemption_sums(session: Session, *, first_day: date, end_day: date) -> list[RedemptionSum]:
    """Return the points taken and given back on the days [first_day, end_day), summed."""
    rows = session.execute(_REDEMPTION_SUMS, {"first_day": first_day, "end_day": end_day})
    return [
        RedemptionSum(issuer, acceptor, terms, priced_on, undone, int(points), postings)
        for issuer, acceptor, terms, priced_on, undone, points, postings in rows
    ]


def agreements(session: Session) -> list[Agreement]:
    """Return every approved agreement there has been."""
    rows = session.execute(
        text("""
            SELECT agreement_id, merchant_id, effective_from, issue_price, acceptance_fee, currency
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
    """Return how many redemption postings the days hold and the sum of their points."""
    row = session.execute(
        text("""
            SELECT count(*) AS postings, coalesce(sum(points), 0) AS points FROM ledger.posting
            WHERE business_date >= :first_day AND business_date < :end_day
              AND account = 'redemption'
        """),
        {"first_day": first_day, "end_day": end_day},
    ).one()
    return row.postings, int(row.points)


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
