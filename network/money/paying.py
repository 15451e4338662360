"""What merchants are still to pay for windows that were settled before, as of a business day."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

# Collections are in clearing until the bank answers or two people cancel them, each on its business
# day; a direct payment stands until the day on which two people wrote down what became of it.
_UNDER_WAY = text("""
    SELECT merchant_id, currency, sum(amount)::bigint AS amount
    FROM (
        SELECT y.merchant_id, g.currency, -g.amount AS amount
        FROM network.payment AS y
        JOIN network.settlement_window AS w ON w.window_id = y.window_id
        JOIN network.money_entry AS e ON e.payment_id = y.payment_id
        JOIN network.money_posting AS g ON g.money_entry_id = e.money_entry_id
        WHERE y.direction = 'collection' AND w.first_day < :first_day
          AND e.business_date < :end_day AND g.account = 'clearing'
        UNION ALL
        SELECT d.payer_id, d.currency, d.amount
        FROM network.direct_payment AS d
        JOIN network.settlement_window AS w ON w.window_id = d.window_id
        WHERE w.first_day < :first_day
          AND (d.answered_on IS NULL OR d.answered_on >= :end_day)
    ) AS each
    GROUP BY merchant_id, currency HAVING sum(amount) <> 0
""")


def under_way(session: Session, *, first_day: date, end_day: date) -> dict[tuple[UUID, str], int]:
    """Return what merchants were to pay for windows before ``first_day`` and had not paid.

    By merchant and currency, as of the beginning of ``end_day``: the same whenever it is asked.
    """
    rows = session.execute(_UNDER_WAY, {"first_day": first_day, "end_day": end_day})
    return {(row.merchant_id, row.currency): row.amount for row in rows}
