"""The campaigns that a sandbox copies: a quote there says what it would say live.

Terms, days and names are those of the live campaign. A budget is what is left of it, so one that is
used up stays behind. Who else takes part is no business of a merchant's engineer: where another
merchant pays a share the partner pays it, and other shops of an audience are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from network.campaigns import queries
from network.campaigns.models import Campaign, CampaignFunder
from network.campaigns.queries import CampaignView
from network.clearing.parties import NETWORK_PARTY
from network.ledger.operations_campaigns import open_campaign, run_campaign
from network.members import tiers
from network.members.models import Tier
from network.members.tiers import TierView


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What is copied: campaigns as they stand, and the ladder of tiers that they are for."""

    campaigns: tuple[CampaignView, ...]
    tiers: tuple[TierView, ...]


def offers_of(session: Session, *, merchant_id: UUID, today: date) -> Offers:
    """Return what gives or will give something at a merchant, paused campaigns included."""
    return Offers(
        campaigns=tuple(queries.coming(session, merchant_id=merchant_id, day=today)),
        tiers=tuple(tiers.tiers(session)),
    )


def add_offers(session: Session, *, offers: Offers, merchant_id: UUID, partner_id: UUID) -> None:
    """Put campaigns and tiers into a sandbox that has its merchant and the partner already."""
    known = set(session.scalars(select(Tier.code)))
    session.add_all(
        Tier(code=each.code, rank=each.rank, name_fa=each.name_fa, name_en=each.name_en)
        for each in offers.tiers
        if each.code not in known
    )
    session.flush()
    for each in offers.campaigns:
        if each.taken < each.budget:
            _add(session, each, merchant_id=merchant_id, partner_id=partner_id)


def _add(session: Session, view: CampaignView, *, merchant_id: UUID, partner_id: UUID) -> None:
    budget = max(view.budget - view.taken, view.slices)
    session.add(
        Campaign(
            campaign_id=view.campaign_id,
            code=view.code,
            name_fa=view.name_fa,
            name_en=view.name_en,
            owner_id=view.owner_id,
            kind=view.kind,
            numerator=view.value.numerator,
            denominator=view.value.denominator,
            minimum_amount=view.minimum_amount,
            first_day=view.first_day,
            last_day=view.last_day,
            merchants=[merchant_id] if view.merchants else [],
            tiers=list(view.tiers),
            channels=list(view.channels),
            categories=list(view.categories),
            person_cap=view.person_cap,
            day_cap=view.day_cap,
            budget=budget,
            slices=view.slices,
            state=view.state,
            proposed_at=view.proposed_at,
            approved_at=view.approved_at,
        )
    )
    session.flush()
    shares = _shares(view, merchant_id=merchant_id, partner_id=partner_id)
    session.add_all(
        CampaignFunder(
            campaign_id=view.campaign_id, place=place, party_id=party_id, share=shares[party_id]
        )
        for place, party_id in enumerate(shares)
    )
    session.flush()
    open_campaign(
        session,
        campaign_id=view.campaign_id,
        budget=budget,
        slices=view.slices,
        person_cap=view.person_cap,
        day_cap=view.day_cap,
    )
    if view.state != "approved":
        run_campaign(session, campaign_id=view.campaign_id, running=False)


def _shares(view: CampaignView, *, merchant_id: UUID, partner_id: UUID) -> dict[UUID, int]:
    """Return who pays which share here, in the order of the live campaign."""
    shares: dict[UUID, int] = {}
    for funder in view.funders:
        here = funder.party_id in {merchant_id, NETWORK_PARTY}
        party_id = funder.party_id if here else partner_id
        shares[party_id] = shares.get(party_id, 0) + funder.share
    return shares
