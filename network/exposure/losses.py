"""Who bears a loss: claims on an issuer in windows that it has not paid, the newest first.

The network bears its own margin and VAT of those windows before anybody else. What is left lies on
acceptors, whole on the newer windows and in proportion on the oldest one that it reaches. What was
laid on a claim before is no claim any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.clearing.parties import NETWORK_PARTY
from network.points import largest_remainder
from network.settings import CURRENCY


class Part(NamedTuple):
    """What one party bears of a loss, minor units, for its claim of one window."""

    first_day: date
    party_id: UUID
    amount: int

    def as_json(self) -> list[str | int]:
        """Return the part as the terms of a proposal hold it."""
        return [self.first_day.isoformat(), str(self.party_id), self.amount]

    @classmethod
    def of_json(cls, row: Sequence[str | int]) -> Part:
        """Return the part that a proposal's terms hold."""
        return cls(date.fromisoformat(str(row[0])), UUID(str(row[1])), int(row[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What is still owed of a window: margin and VAT to the network, amounts to acceptors."""

    first_day: date
    network: int
    acceptors: Mapping[UUID, int]


def claims_on(session: Session, *, issuer_id: UUID) -> list[Claims]:
    """Return what an issuer owes of each settled window that it has not paid, the newest first.

    What came out of the pool had been paid when the points were given. What was undone in a newer
    window than it was taken is off the older claim.
    """
    days = unpaid_days(session, issuer_id=issuer_id)
    owed = _owed(session, issuer_id=issuer_id, days=days)
    for part in _laid_before(session, issuer_id=issuer_id):
        owed[part.first_day, part.party_id] -= part.amount
    over: Counter[UUID] = Counter()
    found = []
    for day in sorted(days, reverse=True):
        due: dict[UUID, int] = {}
        for party in sorted({who for first_day, who in owed if first_day == day}):
            amount = owed[day, party] + over[party]
            over[party] = min(0, amount)
            if amount > 0:
                due[party] = amount
        network = due.pop(NETWORK_PARTY, 0)
        found.append(Claims(first_day=day, network=network, acceptors=due))
    return found


def laid(loss: int, *, claims: Iterable[Claims]) -> list[Part]:
    """Return who bears a loss, by window, of claims with the newest first. Pure.

    Adds up to the loss, and nobody bears more than he is owed; empty where all claims together come
    to less than the loss.
    """
    windows = list(claims)
    left = loss
    parts: list[Part] = []
    for each in windows:
        if of_this := min(left, each.network):
            parts.append(Part(each.first_day, NETWORK_PARTY, of_this))
            left -= of_this
    for each in windows:
        if of_this := min(left, sum(each.acceptors.values())):
            shares = shared(of_this, owed=each.acceptors)
            parts += [Part(each.first_day, who, part) for who, part in shares.items()]
            left -= of_this
    return [] if left else parts


def shared(loss: int, *, owed: Mapping[UUID, int]) -> dict[UUID, int]:
    """Return what each acceptor bears of a loss, in proportion to what it was owed. Pure.

    Adds up to the loss, and nobody bears more than it was owed; empty where together they were owed
    less than the loss.
    """
    if sum(owed.values()) < loss:
        return {}
    parties = sorted(owed)
    parts = largest_remainder(total=loss, weights=[Fraction(owed[each]) for each in parties])
    return {who: part for who, part in zip(parties, parts, strict=True) if part}


def by_party(parts: Iterable[Part]) -> dict[UUID, int]:
    """Return what each party bears over all windows."""
    found: Counter[UUID] = Counter()
    for part in parts:
        found[part.party_id] += part.amount
    return dict(found)


def unpaid_days(session: Session, *, issuer_id: UUID) -> set[date]:
    """Return the first days of the settled windows whose debt an issuer has not paid.

    A window is paid where the balance that it went into came to zero or more, or where the
    collection of that balance has not come back (direct payments are part of it). A collection that
    came back stands in the balance of the window on whose days it did.
    """
    rows = session.execute(
        text("""
            SELECT w.first_day, w.end_day, coalesce(s.paid, 0) AS paid,
                   coalesce(s.closing, 0) AS closing, b.back_on
            FROM network.settlement_window AS w
            LEFT JOIN network.statement AS s
              ON s.window_id = w.window_id AND s.merchant_id = :issuer AND s.currency = :currency
            LEFT JOIN (
                SELECT p.window_id, max(e.business_date) AS back_on
                FROM (
                    SELECT window_id, payment_id FROM network.payment
                    WHERE merchant_id = :issuer AND direction = 'collection'
                      AND currency = :currency AND state IN ('returned', 'cancelled')
                    UNION ALL
                    SELECT window_id, direct_payment_id FROM network.direct_payment
                    WHERE payer_id = :issuer AND currency = :currency AND state = 'failed'
                ) AS p
                JOIN network.money_entry AS e ON e.payment_id = p.payment_id
                 AND e.kind IN ('return', 'cancellation', 'direct_return')
                GROUP BY p.window_id
            ) AS b ON b.window_id = w.window_id
            WHERE w.state = 'settled' ORDER BY w.first_day
        """),
        {"issuer": issuer_id, "currency": CURRENCY},
    )
    unpaid: set[date] = set()
    waiting: set[date] = set()
    back: list[tuple[date, set[date]]] = []
    for row in rows:
        came = [days for day, days in back if day < row.end_day]
        back = [each for each in back if each[0] >= row.end_day]
        waiting = waiting.union({row.first_day}, *came)
        unpaid |= waiting
        if row.paid < 0 and row.back_on is not None:
            back.append((row.back_on, waiting))
            waiting = set()
        elif row.paid < 0 or row.closing >= 0:
            unpaid -= waiting
            waiting = set()
    return unpaid


def _owed(session: Session, *, issuer_id: UUID, days: set[date]) -> Counter[tuple[date, UUID]]:
    rows = session.execute(
        text("""
            SELECT w.first_day, o.payee_id, sum(o.amount)::bigint AS amount
            FROM network.obligation AS o
            JOIN network.settlement_window AS w ON w.window_id = o.window_id
            WHERE w.state = 'settled' AND w.first_day = ANY(:days)
              AND o.payer_id = :issuer AND o.payee_id <> :issuer
              AND o.payee_account IN ('settlement', 'margin', 'vat') AND o.currency = :currency
            GROUP BY w.first_day, o.payee_id
        """),
        {"issuer": issuer_id, "days": sorted(days), "currency": CURRENCY},
    )
    return Counter({(row.first_day, row.payee_id): row.amount for row in rows})


def _laid_before(session: Session, *, issuer_id: UUID) -> list[Part]:
    rows = session.scalars(
        text("""
            SELECT p.terms -> 'windows' FROM network.money_entry AS e
            JOIN network.proposal AS p ON p.proposal_id = e.proposal_id
            WHERE e.kind = 'loss' AND p.subject_id = :issuer
        """),
        {"issuer": issuer_id},
    )
    return [Part.of_json(each) for row in rows for each in row]
