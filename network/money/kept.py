"""Balances of the money ledger: sums that are kept of days that are over, and the days after.

A day's money is final once its window is settled: the night posts its own entries in the
transaction that says so, and whoever else moves money holds the open day's window until the commit
(``money.today``). So these days are added up once. The postings stay the truth, and
``peyvand audit`` compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

# One at a time keeps sums; who comes while another does has nothing to do.
_THROUGH = text("SELECT through FROM network.money_kept_through FOR UPDATE SKIP LOCKED")
_SETTLED = text("SELECT max(end_day) - 1 FROM network.settlement_window WHERE state = 'settled'")
_KEEP = text("""
    INSERT INTO network.money_kept AS k (account, party_id, currency, amount)
    SELECT p.account, p.party_id, p.currency, sum(p.amount)
    FROM network.money_entry AS e
    JOIN network.money_posting AS p ON p.money_entry_id = e.money_entry_id
    WHERE e.business_date > coalesce(CAST(:through AS date), '-infinity')
      AND e.business_date <= :settled
    GROUP BY p.account, p.party_id, p.currency HAVING sum(p.amount) <> 0
    ON CONFLICT (account, party_id, currency) DO UPDATE SET amount = k.amount + excluded.amount
""")
_KEPT_NOW = text("UPDATE network.money_kept_through SET through = :settled")
# What is kept, and the days after it up to the one that is asked for; or, where that lies before,
# less the days between. One statement, so all of it is of one moment.
_BALANCES = text("""
    WITH kept AS MATERIALIZED (
        SELECT coalesce(through, '-infinity') AS through FROM network.money_kept_through
    )
    SELECT account, party_id, currency, sum(amount)::bigint AS amount FROM (
        SELECT account, party_id, currency, amount FROM network.money_kept
        WHERE account = ANY (:accounts)
        UNION ALL
        SELECT p.account, p.party_id, p.currency, p.amount
        FROM network.money_entry AS e
        JOIN network.money_posting AS p ON p.money_entry_id = e.money_entry_id
        WHERE p.account = ANY (:accounts) AND e.business_date > (SELECT through FROM kept)
          AND e.business_date < coalesce(CAST(:before AS date), 'infinity')
        UNION ALL
        SELECT p.account, p.party_id, p.currency, -p.amount
        FROM network.money_entry AS e
        JOIN network.money_posting AS p ON p.money_entry_id = e.money_entry_id
        WHERE p.account = ANY (:accounts) AND e.business_date <= (SELECT through FROM kept)
          AND e.business_date >= coalesce(CAST(:before AS date), 'infinity')
    ) AS found
    GROUP BY account, party_id, currency HAVING sum(amount) <> 0
""")


def keep_settled(session: Session) -> None:
    """Add up the days that were settled since the last time."""
    row = session.execute(_THROUGH).one_or_none()
    if row is None:
        return
    settled: date | None = session.execute(_SETTLED).scalar_one()
    if settled is None or (row.through is not None and settled <= row.through):
        return
    session.execute(_KEEP, {"through": row.through, "settled": settled})
    session.execute(_KEPT_NOW, {"settled": settled})


def balances(
    session: Session, *, accounts: Sequence[str], before: date | None = None
) -> dict[tuple[str, UUID, str], int]:
    """Return balances by account, party and currency: above zero the house owes it, 0 is left out.

    With ``before``, as they stood at the beginning of that business day.
    """
    rows = session.execute(_BALANCES, {"accounts": list(accounts), "before": before})
    return {(row.account, row.party_id, row.currency): row.amount for row in rows}
