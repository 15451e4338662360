"""Reads over what moved: days' figures, and what settled between issuers and acceptors.

Day ends come from the figures that nights kept, trade from the windows' obligations: a year is a
few thousand rows of either, however many postings there were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.naming import CONSENTING
from network.money.kept import balances as kept_balances
from network.reports.facts import DayEnd, PartnerTrade, TradeCell, Traded, TradeWindow

_SET_ASIDE = ("pool", "deposit", "reserve")
_PERIOD = """
    w.state = 'settled' AND w.first_day >= :since AND w.first_day < :until
    AND o.kind IN ('redemption', 'redeposit')
"""

_TRADE_OF = text(f"""
    WITH nights AS (
        SELECT window_id, end_day FROM network.settlement_window
        WHERE state = 'settled' AND first_day >= :since AND first_day < :until
    ), consenting AS (
        SELECT n.window_id, c.merchant_id
        FROM nights AS n CROSS JOIN LATERAL ({CONSENTING.format(end_day="n.end_day")}) AS c
    ), traded AS (
        SELECT w.window_id, o.points, o.amount, o.acceptor_id = :merchant AS taken,
               CASE WHEN o.issuer_id = :merchant THEN o.acceptor_id ELSE o.issuer_id END AS other_id
        FROM network.obligation o
        JOIN network.settlement_window w ON w.window_id = o.window_id
        WHERE {_PERIOD} AND o.issuer_id <> o.acceptor_id
          AND (o.issuer_id = :merchant OR o.acceptor_id = :merchant)
    )
    SELECT theirs.merchant_id AS partner_id,
           coalesce(sum(t.points) FILTER (WHERE taken), 0)::bigint AS taken_points,
           coalesce(sum(t.amount) FILTER (WHERE taken), 0)::bigint AS taken_amount,
           coalesce(sum(t.points) FILTER (WHERE NOT taken), 0)::bigint AS spent_points,
           coalesce(sum(t.amount) FILTER (WHERE NOT taken), 0)::bigint AS spent_amount
    FROM traded AS t
    LEFT JOIN consenting AS mine
           ON mine.window_id = t.window_id AND mine.merchant_id = :merchant
    LEFT JOIN consenting AS theirs
           ON theirs.window_id = t.window_id AND theirs.merchant_id = t.other_id
          AND mine.merchant_id IS NOT NULL
    GROUP BY theirs.merchant_id
    ORDER BY theirs.merchant_id IS NULL, sum(CASE WHEN taken THEN t.amount ELSE -t.amount END) DESC,
             theirs.merchant_id
""")


def day_ends(session: Session, *, since: date, until: date) -> list[DayEnd]:
    """Return what was outstanding at the end of each closed day of [since, until)."""
    rows = session.execute(
        text("""
            SELECT * FROM (
                SELECT business_date, issued, redeemed,
                       sum(available + pending + held) OVER (ORDER BY business_date)::bigint
                           AS outstanding
                FROM network.day_figures
            ) AS ends WHERE business_date >= :since AND business_date < :until
            ORDER BY business_date
        """),
        {"since": since, "until": until},
    )
    return [DayEnd(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def cover(session: Session) -> dict[str, int]:
    """Return the money that is set aside for points, by account, minor units."""
    found = dict.fromkeys(_SET_ASIDE, 0)
    kept = kept_balances(session, accounts=_SET_ASIDE)
    for (account, _party, _currency), amount in kept.items():
        found[account] += amount
    return found


def trade(session: Session, *, since: date, until: date) -> list[TradeCell]:
    """Return who took whose points in the windows that begin in [since, until)."""
    rows = session.execute(
        text(f"""
            SELECT o.issuer_id, o.acceptor_id, sum(o.points)::bigint AS points,
                   sum(o.amount)::bigint AS amount
            FROM network.obligation o
            JOIN network.settlement_window w ON w.window_id = o.window_id
            WHERE {_PERIOD} GROUP BY o.issuer_id, o.acceptor_id
        """),
        {"since": since, "until": until},
    )
    return [TradeCell(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def trade_of(
    session: Session, *, merchant_id: UUID, since: date, until: date
) -> list[PartnerTrade]:
    """Return a merchant's trade as it may see it: by partner where both may be named, else in one.

    What counts is what both agreements said of each window; its own points at home are left out.
    The partner that the merchant was owed most by comes first, all that are not named last.
    """
    rows = session.execute(_TRADE_OF, {"since": since, "until": until, "merchant": merchant_id})
    return [PartnerTrade(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def trade_windows(
    session: Session, *, issuer_id: UUID, acceptor_id: UUID, since: date, until: date
) -> list[TradeWindow]:
    """Return the same for one issuer and one acceptor by window, the latest first."""
    rows = session.execute(
        text(f"""
            SELECT w.window_id, w.first_day, sum(o.points)::bigint AS points,
                   sum(o.amount)::bigint AS amount
            FROM network.obligation o
            JOIN network.settlement_window w ON w.window_id = o.window_id
            WHERE {_PERIOD} AND o.issuer_id = :issuer AND o.acceptor_id = :acceptor
            GROUP BY w.window_id, w.first_day ORDER BY w.first_day DESC
        """),
        {"since": since, "until": until, "issuer": issuer_id, "acceptor": acceptor_id},
    )
    return [TradeWindow(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def balances(cells: Iterable[TradeCell]) -> list[Traded]:
    """Return each merchant's side of a period's trade; the balances of all add up to zero."""
    sums: defaultdict[UUID, dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(
            ("taken_points", "taken_amount", "spent_points", "spent_amount", "own_points"), 0
        )
    )
    for cell in cells:
        if cell.issuer_id == cell.acceptor_id:
            sums[cell.issuer_id]["own_points"] += cell.points
            continue
        sums[cell.acceptor_id]["taken_points"] += cell.points
        sums[cell.acceptor_id]["taken_amount"] += cell.amount
        sums[cell.issuer_id]["spent_points"] += cell.points
        sums[cell.issuer_id]["spent_amount"] += cell.amount
    return [Traded(merchant_id=merchant_id, **found) for merchant_id, found in sums.items()]
