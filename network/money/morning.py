"""What an operator wants to know of the money in the morning: what waits, what came back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

ReleaseState = Literal["prepared", "proposed", "released"]
_STANDINGS = ("prepared", "sent", "awaited")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyMorning:
    """Payments by what they wait for, and what the bank said lately; amounts are minor units.

    ``unreleased`` counts settled windows whose payments two people have not let out, the oldest of
    them of the day ``unreleased_since``. ``underway`` payments are with the bank, which has not
    answered; ``awaited`` ones merchants transfer themselves. ``returned`` and ``odd`` are the
    bank's lines since a moment: payments that came back, and lines that a person has to look at.
    """

    unreleased: int
    unreleased_since: date | None
    underway: int
    underway_amount: int
    awaited: int
    awaited_amount: int
    returned: int
    odd: int


def money_morning(session: Session, *, since: datetime) -> MoneyMorning:
    """Return what the money waits for, and what the bank's statements said since a moment."""
    row = session.execute(
        text("""
            SELECT open.*, said.* FROM (
                SELECT count(DISTINCT p.window_id) FILTER (WHERE r.approved_at IS NULL)
                           AS unreleased,
                       min(w.first_day) FILTER (WHERE r.approved_at IS NULL) AS unreleased_since,
                       count(*) FILTER (WHERE p.state = 'released' AND NOT p.awaited) AS underway,
                       coalesce(sum(p.amount)
                           FILTER (WHERE p.state = 'released' AND NOT p.awaited), 0)::bigint
                           AS underway_amount,
                       count(*) FILTER (WHERE p.awaited) AS awaited,
                       coalesce(sum(p.amount) FILTER (WHERE p.awaited), 0)::bigint
                           AS awaited_amount
                FROM (
                    SELECT window_id, state, amount,
                           direction = 'collection' AND mandate_id IS NULL AS awaited
                    FROM network.payment WHERE state IN ('prepared', 'released')
                    UNION ALL
                    SELECT window_id, state, 0, false
                    FROM network.direct_payment WHERE state = 'prepared'
                ) AS p
                JOIN network.settlement_window AS w ON w.window_id = p.window_id
                LEFT JOIN network.payment_release AS r ON r.window_id = p.window_id
                WHERE w.state = 'settled'
            ) AS open, (
                SELECT count(*) FILTER (WHERE meant = 'returned') AS returned,
                       count(*) FILTER (WHERE meant NOT IN ('settled', 'returned')) AS odd
                FROM (
                    SELECT coalesce(g.outcome, a.outcome) AS meant
                    FROM network.bank_answer AS a
                    LEFT JOIN network.bank_answer_again AS g
                        ON g.bank_answer_id = a.bank_answer_id
                    WHERE a.imported_at > :since
                ) AS lines
            ) AS said
        """),
        {"since": since},
    ).one()
    return MoneyMorning(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def release_states(session: Session, *, window_ids: Collection[UUID]) -> dict[UUID, ReleaseState]:
    """Return how far the release of windows' payments is; one without payments is left out."""
    rows = session.execute(
        text("""
            SELECT w.window_id,
                   CASE WHEN r.approved_at IS NOT NULL THEN 'released'
                        WHEN r.window_id IS NOT NULL THEN 'proposed' ELSE 'prepared' END AS state
            FROM network.settlement_window AS w
            LEFT JOIN network.payment_release AS r ON r.window_id = w.window_id
            WHERE w.window_id = ANY (:wanted) AND w.state = 'settled'
              AND (EXISTS (SELECT FROM network.payment AS p WHERE p.window_id = w.window_id)
                   OR EXISTS (SELECT FROM network.direct_payment AS d
                              WHERE d.window_id = w.window_id))
        """),
        {"wanted": list(window_ids)},
    )
    return {row.window_id: row.state for row in rows}


class Unanswered(NamedTuple):
    """Payments that the bank has not booked, by how far they are: what clearing holds for them.

    ``standing`` is ``prepared`` (two people have not released them), ``sent`` (released to the
    bank) or ``awaited`` (merchants transfer them); ``amount`` is minor units, above zero for
    payouts and below for collections.
    """

    currency: str
    standing: str
    payments: int
    amount: int


def unanswered(session: Session) -> list[Unanswered]:
    """Return what the clearing account is made of, by currency and how far payments are."""
    rows = session.execute(
        text("""
            SELECT currency,
                   CASE WHEN direction = 'collection' AND mandate_id IS NULL THEN 'awaited'
                        WHEN state = 'released' THEN 'sent' ELSE 'prepared' END AS standing,
                   count(*) AS payments,
                   sum(CASE direction WHEN 'payout' THEN amount ELSE -amount END)::bigint AS amount
            FROM network.payment WHERE state IN ('prepared', 'released')
            GROUP BY 1, 2
        """)
    )
    found = [Unanswered(*row) for row in rows]
    return sorted(found, key=lambda each: (each.currency, _STANDINGS.index(each.standing)))


class WaitingRelease(NamedTuple):
    """A proposed release of a window's payments that nobody has approved; minor units."""

    window_id: UUID
    first_day: date
    payout_total: int
    collection_total: int
    proposed_by: UUID
    proposed_at: datetime


def waiting_releases(session: Session) -> list[WaitingRelease]:
    """Return the releases that wait for a second person, the oldest first."""
    rows = session.execute(
        text("""
            SELECT r.window_id, w.first_day, r.payout_total, r.collection_total, r.proposed_by,
                   r.proposed_at
            FROM network.payment_release AS r
            JOIN network.settlement_window AS w ON w.window_id = r.window_id
            WHERE r.approved_at IS NULL ORDER BY r.proposed_at, r.window_id
        """)
    )
    return [WaitingRelease(*row) for row in rows]
