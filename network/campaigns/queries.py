"""Reads of campaigns: what runs where, what a person has had, and what became of a budget."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, exists, func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from network.campaigns.book import campaign_of
from network.campaigns.models import Campaign, CampaignFunder
from network.database.arrays import array
from network.database.driver import Channel, rows_of
from network.ledger.campaign_tables import campaign_slice, campaign_taking
from network.ledger.tables import business_day
from network.merchants.models import Merchant
from network.merchants.queries import ISSUING_OPEN
from network.programme import campaigns as rules
from network.programme.campaigns import Funder, Had, Standing

ON = ("approved", "paused")
"""States in which a campaign is told of in explanations."""

# One snapshot: the counters are the person's as of when their wallet, or the one they share, was at
# that sequence. Who was merged into another has the other's tier and counts.
_STANDINGS = """
    SELECT g.member_id, m.tier, w.sequence,
           coalesce((SELECT jsonb_agg(jsonb_build_object(
                         'campaign', p.campaign_id, 'points', p.points,
                         'day', CASE WHEN p.day = d.business_date THEN p.day_points ELSE 0 END))
                     FROM ledger.campaign_person AS p WHERE p.member_id = l.person), '[]') AS had
    FROM {given} AS g (member_id)
    CROSS JOIN LATERAL ledger.whereabouts_of(g.member_id) AS l
    JOIN ledger.wallet AS w ON w.member_id = l.home
    LEFT JOIN network.member AS m ON m.member_id = l.person
    CROSS JOIN ledger.business_day AS d
    WHERE d.flipped_at IS NULL
"""
_STANDING = text(_STANDINGS.format(given="(VALUES (CAST(:member_id AS uuid)))"))
_ALL_STANDINGS = text(_STANDINGS.format(given="unnest(CAST(:members AS uuid[]))"))

_FUNDED = text("""
    SELECT l.issuer_id, l.price, count(*) AS lots, sum(l.granted) AS granted,
           sum(l.redeemed) AS redeemed, sum(l.clawed_back) AS clawed_back,
           sum(l.expired) AS expired, sum(l.remaining + l.held + l.moved) AS open
    FROM (SELECT DISTINCT t.member_id, t.sequence FROM ledger.campaign_taking AS t
          WHERE t.campaign_id = :campaign_id) AS t
    JOIN ledger.lot AS l ON l.member_id = t.member_id
     AND l.lot_id BETWEEN t.sequence * 1000000 AND t.sequence * 1000000 + 999999
     AND l.campaign_id = :campaign_id
    GROUP BY l.issuer_id, l.price ORDER BY l.issuer_id, l.price
""")


_GONE = exists().where(
    CampaignFunder.campaign_id == Campaign.campaign_id,
    CampaignFunder.party_id == Merchant.merchant_id,
    or_(
        Merchant.status == "left",
        Merchant.leaves_on
        <= select(business_day.c.business_date)
        .where(business_day.c.flipped_at.is_(None))
        .scalar_subquery(),
        Merchant.issuing != ISSUING_OPEN,
    ),
)
_COMING = select(Campaign).where(
    Campaign.state.in_(ON),
    Campaign.last_day >= bindparam("day"),
    ~_GONE,
    or_(
        func.cardinality(Campaign.merchants) == 0,
        Campaign.merchants.contains(bindparam("merchant_ids", type_=ARRAY(Uuid()))),
    ),
)
_RUNNING = _COMING.where(Campaign.first_day <= bindparam("day"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """A campaign as an operator sees it; ``taken`` is what purchases took of the budget."""

    campaign_id: UUID
    code: str
    name_fa: str
    name_en: str
    owner_id: UUID
    kind: Literal["multiplier", "bonus"]
    value: Fraction
    minimum_amount: int
    first_day: date
    last_day: date
    merchants: tuple[UUID, ...]
    tiers: tuple[str, ...]
    channels: tuple[str, ...]
    categories: tuple[str, ...]
    person_cap: int | None
    day_cap: int | None
    budget: int
    slices: int
    state: str
    proposed_by: UUID | None
    proposed_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None
    funders: tuple[Funder, ...]
    taken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FundedView:
    """What one funder gave at one price (minor units per point), and what became of it."""

    party_id: UUID
    price: Decimal
    lots: int
    granted: int
    redeemed: int
    clawed_back: int
    expired: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakingView:
    """What one entry took of a campaign's budget."""

    member_id: UUID
    sequence: int
    business_date: date
    points: int


def standing(connection: Channel, *, member_id: UUID) -> Standing | None:
    """Return a member's tier and what it has had of campaigns, None where there is no wallet."""
    rows = rows_of(connection, _STANDING, {"member_id": member_id})
    return _standing(rows[0]) if rows else None


def standings(session: Session, *, member_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Return ``standing`` of many members in one round trip; who has no wallet is left out."""
    rows = session.execute(_ALL_STANDINGS, {"members": array(member_ids)})
    return {row.member_id: _standing(row) for row in rows}


def _standing(row: Any) -> Standing:
    return Standing(
        tier=row.tier or "",
        sequence=row.sequence,
        had={
            UUID(each["campaign"]): Had(points=each["points"], day_points=each["day"])
            for each in row.had
        },
    )


def running(session: Session, *, merchant_id: UUID, day: date) -> tuple[rules.Campaign, ...]:
    """Return the campaigns for purchases made at a merchant on ``day``, paused ones included.

    A campaign that a merchant funds ends with that merchant's last day: who has left gives nothing.
    It rests while a funder owes as much as it may.
    """
    rows = session.scalars(_RUNNING, {"merchant_ids": [merchant_id], "day": day}).all()
    if not rows:
        return ()
    ids = [row.campaign_id for row in rows]
    funders = _funders(session, ids)
    taken = _taken(session, ids)
    return tuple(
        campaign_of(
            row,
            funders=funders[row.campaign_id],
            left=row.budget - taken.get(row.campaign_id, 0),
        )
        for row in rows
    )


def coming(session: Session, *, merchant_id: UUID, day: date) -> list[CampaignView]:
    """Return the campaigns for a merchant that run on ``day`` or begin later, by their codes."""
    rows = session.scalars(_COMING, {"merchant_ids": [merchant_id], "day": day})
    return _views(session, sorted(rows, key=lambda each: each.code))


def campaigns(session: Session) -> list[CampaignView]:
    """Return every campaign, the newest first."""
    rows = session.scalars(select(Campaign).order_by(Campaign.proposed_at.desc(), Campaign.code))
    return _views(session, list(rows))


def drafted(session: Session) -> list[CampaignView]:
    """Return the campaigns that wait for a second person, the oldest first."""
    rows = session.scalars(
        select(Campaign)
        .where(Campaign.state == "draft")
        .order_by(Campaign.proposed_at, Campaign.code)
    )
    return _views(session, list(rows))


def campaign(session: Session, *, campaign_id: UUID) -> CampaignView | None:
    """Return a campaign, None where there is none."""
    row = session.get(Campaign, campaign_id, populate_existing=True)
    return None if row is None else _views(session, [row])[0]


def campaign_by_code(session: Session, *, code: str) -> CampaignView | None:
    """Return a campaign by its code, None where there is none."""
    row = session.scalars(select(Campaign).where(Campaign.code == code)).one_or_none()
    return None if row is None else _views(session, [row])[0]


def funded(session: Session, *, campaign_id: UUID) -> list[FundedView]:
    """Return what each funder gave for a campaign, by the price of its points."""
    rows = session.execute(_FUNDED, {"campaign_id": campaign_id})
    return [
        FundedView(
            party_id=row.issuer_id,
            price=row.price,
            lots=row.lots,
            granted=int(row.granted),
            redeemed=int(row.redeemed),
            clawed_back=int(row.clawed_back),
            expired=int(row.expired),
            open=int(row.open),
        )
        for row in rows
    ]


def takings(
    session: Session,
    *,
    campaign_id: UUID,
    after: tuple[date, UUID, int] | None = None,
    limit: int = 100,
) -> list[TakingView]:
    """Return the entries that took of a campaign's budget, after (date, member, sequence)."""
    table = campaign_taking.c
    key = (table.business_date, table.member_id, table.sequence)
    query = select(*key, func.sum(table.points).label("points")).where(
        table.campaign_id == campaign_id
    )
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    rows = session.execute(query.group_by(*key).order_by(*key).limit(limit))
    return [
        TakingView(
            member_id=row.member_id,
            sequence=row.sequence,
            business_date=row.business_date,
            points=int(row.points),
        )
        for row in rows
    ]


def _views(session: Session, rows: Sequence[Campaign]) -> list[CampaignView]:
    ids = [row.campaign_id for row in rows]
    funders, taken = _funders(session, ids), _taken(session, ids)
    return [_view(row, funders[row.campaign_id], taken.get(row.campaign_id, 0)) for row in rows]


def _view(row: Campaign, funders: tuple[Funder, ...], taken: int) -> CampaignView:
    lists = ("merchants", "tiers", "channels", "categories")
    made = {"value", "funders", "taken", *lists}
    facts: dict[str, Any] = {
        name: getattr(row, name) for name in CampaignView.__dataclass_fields__ if name not in made
    }
    facts |= {name: tuple(getattr(row, name)) for name in lists}
    return CampaignView(
        **facts, value=Fraction(row.numerator, row.denominator), funders=funders, taken=taken
    )


def _funders(session: Session, ids: list[UUID]) -> dict[UUID, tuple[Funder, ...]]:
    found: dict[UUID, list[Funder]] = {each: [] for each in ids}
    for row in session.scalars(
        select(CampaignFunder)
        .where(CampaignFunder.campaign_id.in_(ids))
        .order_by(CampaignFunder.campaign_id, CampaignFunder.place)
    ):
        found[row.campaign_id].append(Funder(party_id=row.party_id, share=row.share))
    return {each: tuple(some) for each, some in found.items()}


def _taken(session: Session, ids: list[UUID]) -> dict[UUID, int]:
    table = campaign_slice.c
    rows = session.execute(
        select(table.campaign_id, func.sum(table.taken).label("taken"))
        .where(table.campaign_id.in_(ids))
        .group_by(table.campaign_id)
    )
    return {row.campaign_id: int(row.taken) for row in rows}
