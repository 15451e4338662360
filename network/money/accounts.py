"""Accounts that are not those of the last payout: whoever lets money leave has to see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

# Compared is with the last payout that left the house and did not come back: one that came back,
# or a collection, does not show that money arrives at an account. Since when the account is agreed
# on, and by whom, says the agreement from which on no other was in force until the window's day.
_CHANGED = text("""
    SELECT p.payment_id, e.iban AS before, a.effective_from AS since, o.name AS proposed_by,
           q.name AS approved_by
    FROM network.payment AS p
    JOIN network.settlement_window AS w ON w.window_id = p.window_id
    LEFT JOIN LATERAL (
        SELECT x.iban, x.holder FROM network.payment AS x
        JOIN network.settlement_window AS v ON v.window_id = x.window_id
        WHERE x.merchant_id = p.merchant_id AND v.first_day < w.first_day
          AND x.direction = 'payout' AND x.state IN ('released', 'settled')
        ORDER BY v.first_day DESC LIMIT 1
    ) AS e ON true
    LEFT JOIN LATERAL (
        SELECT g.effective_from, g.proposed_by, g.approved_by FROM network.agreement AS g
        WHERE g.merchant_id = p.merchant_id AND g.approved_at IS NOT NULL
          AND g.effective_from <= w.first_day AND g.settlement_iban = p.iban
          AND NOT EXISTS (
            SELECT FROM network.agreement AS n
            WHERE n.merchant_id = p.merchant_id AND n.approved_at IS NOT NULL
              AND n.effective_from > g.effective_from AND n.effective_from <= w.first_day
              AND n.settlement_iban IS DISTINCT FROM p.iban)
        ORDER BY g.effective_from LIMIT 1
    ) AS a ON true
    LEFT JOIN network.operator AS o ON o.operator_id = a.proposed_by
    LEFT JOIN network.operator AS q ON q.operator_id = a.approved_by
    WHERE p.window_id = :window AND p.direction = 'payout'
      AND (e.iban, e.holder) IS DISTINCT FROM (p.iban, p.holder)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """An account that was not paid last: ``before`` is the one that was, ``None`` for none.

    ``since`` which day it is agreed on, and the names of the two who agreed, ``None`` where the
    installation did.
    """

    before: str | None
    since: date | None
    proposed_by: str | None
    approved_by: str | None


def changed_accounts(session: Session, *, window_id: UUID) -> dict[UUID, AccountChange]:
    """Return a window's payouts whose account or its holder is not that of the last one that stays.

    A merchant's first payout is among them.
    """
    return {
        row.payment_id: AccountChange(
            before=row.before,
            since=row.since,
            proposed_by=row.proposed_by,
            approved_by=row.approved_by,
        )
        for row in session.execute(_CHANGED, {"window": window_id})
    }
