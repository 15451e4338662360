"""What the ledger adds up to: points outstanding, and what moved on a day, by party and by entry.

Figures are counted the way people speak: issued, redeemed, expired and clawed back are above zero.
``given_back`` are points of redemptions that were refunded; ``redeemed`` is before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from network.ledger.crossings import CROSSINGS, LINE

LOTS_PER_ENTRY = 1_000_000
"""A lot's number is this many times the sequence of the entry that granted it, plus its place."""

FIGURES: Mapping[str, str] = {
    "issued": "source = 'issuance'",
    "redeemed": "target = 'redemption'",
    "given_back": "source = 'redemption'",
    "expired": "target = 'expiry'",
    "clawed_back": "target = 'clawback'",
}
"""Each figure and the movements that it counts."""

_SUMS = ", ".join(
    f"coalesce(sum(points) FILTER (WHERE {rule}), 0)::bigint AS {name}"
    for name, rule in FIGURES.items()
)
_CHANGES = ", ".join(
    f"(coalesce(sum(points) FILTER (WHERE {more} = '{name}'), 0)"
    f" - coalesce(sum(points) FILTER (WHERE {less} = '{name}'), 0))::bigint AS {name}"
    for name, more, less in (
        ("available", "target", "source"),
        ("pending", "target", "source"),
        ("held", "target", "source"),
        ("debt", "source", "target"),
    )
)
_PARTY = (
    "CASE WHEN source = 'redemption' OR target = 'redemption' THEN acceptor_id ELSE issuer_id END"
)
_COUNTED = (
    "(source IN ('issuance', 'redemption') OR target IN ('redemption', 'expiry', 'clawback'))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """Points that moved on a business day.

    ``available`` to ``debt`` are by how much all wallets together changed, debt above zero.
    """

    business_date: date
    issued: int
    redeemed: int
    given_back: int
    expired: int
    clawed_back: int
    available: int
    pending: int
    held: int
    debt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyFigures:
    """Points of a day by merchant: redeemed and given back as acceptor, the others as issuer."""

    merchant_id: UUID
    issued: int
    redeemed: int
    given_back: int
    expired: int
    clawed_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantDay:
    """The same of one merchant on one business day."""

    business_date: date
    issued: int
    redeemed: int
    given_back: int
    expired: int
    clawed_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """Points in all wallets, and the debts of members in points."""

    available: int
    pending: int
    held: int
    debt: int

    @property
    def points(self) -> int:
        """Return the points that members hold."""
        return self.available + self.pending + self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureLine:
    """One movement behind a figure, by the line of its outer end, with its entry."""

    member_id: UUID
    sequence: int
    line: int
    kind: str
    points: int
    issuer_id: UUID
    acceptor_id: UUID | None
    merchant_ref: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnedPart:
    """What one grant of a purchase earned, and how much of it refunds have taken back.

    ``line`` counts the purchase's lines from 0; -1 is the part of the base that earned nothing.
    ``base`` and ``refunded`` are minor units.
    """

    line: int
    issuer_id: UUID
    base: int
    points: int
    refunded: int
    clawed_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Events that were recorded and not yet handed on, and since when the oldest waits."""

    waiting: int
    oldest: datetime | None


def granted_by(lot_id: int) -> int:
    """Return the sequence of the entry that granted a lot."""
    return lot_id // LOTS_PER_ENTRY


def day_figures(session: Session, *, first: date, end: date) -> list[DayFigures]:
    """Return what moved on each business day of [first, end), days without movements included.

    Adds up every movement of those days; ``network.clearing.days`` has what nights kept.
    """
    rows = session.execute(
        text(f"""
            SELECT d.business_date, {_SUMS}, {_CHANGES}
            FROM ledger.business_day d
            LEFT JOIN ledger.movement p ON p.business_date = d.business_date
             AND p.business_date >= :first AND p.business_date < :end
            WHERE d.business_date >= :first AND d.business_date < :end
            GROUP BY d.business_date ORDER BY d.business_date
        """),
        {"first": first, "end": end},
    )
    return [DayFigures(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def party_figures(session: Session, *, business_date: date) -> list[PartyFigures]:
    """Return what moved on a day by merchant, those that moved nothing left out."""
    rows = session.execute(
        text(f"""
            SELECT {_PARTY} AS merchant_id, {_SUMS}
            FROM ledger.movement
            WHERE business_date = :day AND {_COUNTED}
            GROUP BY 1 ORDER BY 1
        """),
        {"day": business_date},
    )
    return [PartyFigures(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def period_figures(session: Session, *, first: date, end: date) -> list[PartyFigures]:
    """Return what moved on the days [first, end) by merchant; adds up every movement of them."""
    rows = session.execute(
        text(f"""
            SELECT {_PARTY} AS merchant_id, {_SUMS}
            FROM ledger.movement
            WHERE business_date >= :first AND business_date < :end AND {_COUNTED}
            GROUP BY 1 ORDER BY 1
        """),
        {"first": first, "end": end},
    )
    return [PartyFigures(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def merchant_days(
    session: Session, *, merchant_id: UUID, first: date, end: date
) -> list[MerchantDay]:
    """Return what moved of a merchant on each of the days [first, end) on which anything did."""
    rows = session.execute(
        text(f"""
            SELECT business_date, {_SUMS}
            FROM ledger.movement
            WHERE business_date >= :first AND business_date < :end AND {_COUNTED}
              AND {_PARTY} = :merchant
            GROUP BY business_date ORDER BY business_date
        """),
        {"first": first, "end": end, "merchant": merchant_id},
    )
    return [MerchantDay(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def figure_lines(
    session: Session,
    *,
    figure: str,
    business_date: date,
    merchant_id: UUID | None = None,
    after: tuple[UUID, int, int] | None = None,
    limit: int,
) -> list[FigureLine]:
    """Return the movements behind a figure of a day, after ``after`` (member, sequence, line).

    ``merchant_id`` keeps those of one merchant: its acceptances for points redeemed and given
    back, its own points for the other figures. Raises KeyError for an unknown figure.
    """
    party = "acceptor_id" if figure in {"redeemed", "given_back"} else "issuer_id"
    wanted = f" AND p.{party} = :merchant" if merchant_id else ""
    beyond = " AND (p.member_id, p.sequence, p.number) > (:m, :s, :l)" if after else ""
    member_id, sequence, line = after or (None, None, None)
    rows = session.execute(
        text(f"""
            SELECT p.member_id, p.sequence, p.number AS line, e.kind, p.points, p.issuer_id,
                   p.acceptor_id, e.merchant_ref, e.recorded_at
            FROM (SELECT *, {LINE} AS number FROM {CROSSINGS} AS c
                  WHERE business_date = :day AND {FIGURES[figure]}) AS p
            JOIN ledger.entry e ON e.member_id = p.member_id AND e.sequence = p.sequence
             AND e.business_date = p.business_date
            WHERE true{wanted}{beyond}
            ORDER BY p.member_id, p.sequence, p.number LIMIT :limit
        """),
        {
            "day": business_date,
            "limit": limit,
            **({"merchant": merchant_id} if merchant_id else {}),
            **({"m": member_id, "s": sequence, "l": line} if after else {}),
        },
    )
    return [FigureLine(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def backlog(session: Session) -> Backlog:
    """Return how many events wait in the outbox, and since when the oldest does."""
    row = session.execute(
        text("""
            SELECT count(*) AS waiting, min(recorded_at) AS oldest FROM network.outbox
        """)
    ).one()
    return Backlog(waiting=row.waiting, oldest=row.oldest)


def evidence_key(
    session: Session, *, member_id: UUID, sequence: int, business_date: date
) -> str | None:
    """Return the id of the key that signed the request behind an entry, while it is kept."""
    found = session.execute(
        text("""
            SELECT key_id FROM ledger.evidence
            WHERE member_id = :member AND sequence = :sequence AND business_date = :day
            UNION ALL
            SELECT r.key_id
            FROM ledger.entry AS e
            JOIN network.batch_entries AS b
              ON b.merchant_id = e.merchant_id AND b.recorded_at = e.recorded_at
            CROSS JOIN LATERAL unnest(b.members, b.sequences) AS m (member, sequence)
            JOIN network.batch_request AS r ON r.batch_id = b.batch_id
            WHERE e.member_id = :member AND e.sequence = :sequence AND e.business_date = :day
              AND m.member = e.member_id AND m.sequence = e.sequence
        """),
        {"member": member_id, "sequence": sequence, "day": business_date},
    ).scalar_one_or_none()
    return None if found is None else str(found)


def earned_parts(
    session: Session, *, member_id: UUID, sequence: int, business_date: date
) -> list[EarnedPart]:
    """Return the lines of a purchase as an earning keeps them."""
    rows = session.execute(
        text("""
            SELECT line, issuer_id, base, points, refunded, clawed_back FROM ledger.earned_part
            WHERE member_id = :member AND sequence = :sequence AND business_date = :day
            ORDER BY part
        """),
        {"member": member_id, "sequence": sequence, "day": business_date},
    )
    return [EarnedPart(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def outstanding_of(session: Session, *, issuer_id: UUID) -> int:
    """Return how many points of an issuer lie in wallets, held ones included; reads every lot."""
    return int(
        session.execute(
            text(
                "SELECT coalesce(sum(remaining + held), 0) FROM ledger.lot"
                " WHERE issuer_id = :issuer_id AND (open OR held > 0)"
            ),
            {"issuer_id": issuer_id},
        ).scalar_one()
    )
