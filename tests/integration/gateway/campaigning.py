"""Campaigns for tests of what they add to, and what was taken of their budgets."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from merchant_gateway.batches.bench import bench_of
from network.campaigns import queries, service
from network.campaigns.service import CampaignTerms
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.programme.campaigns import WHOLE, Funder
from tests.integration.gateway.house import House, Shop


def run(house: House, running: list[UUID], code: str, value: int, **other: Any) -> UUID:
    """Let a bonus of the network run at both shops."""
    facts: dict[str, Any] = {
        "code": code,
        "name_fa": "جشن",
        "name_en": code.title(),
        "owner_id": NETWORK_PARTY,
        "kind": "bonus",
        "value": Fraction(value),
        "first_day": house.today(),
        "last_day": house.today() + timedelta(days=2),
        "funders": (Funder(party_id=NETWORK_PARTY, share=WHOLE),),
        "budget": 1_000,
        "merchants": (house.green.merchant_id, house.blue.merchant_id),
    }
    with house.services.database.unit_of_work() as session:
        campaign_id = service.propose_campaign(
            session, terms=CampaignTerms(**facts | other), today=house.today(), now=wall_now()
        )
        service.approve_campaign(
            session, campaign_id=campaign_id, today=house.today(), now=wall_now()
        )
    running.append(campaign_id)
    bench_of.cache_clear()  # as a worker that starts now, which keeps nothing of campaigns yet
    return campaign_id


def end(house: House, campaigns: list[UUID]) -> None:
    """End campaigns, so that later tests buy without them."""
    with house.services.database.unit_of_work() as session:
        for campaign_id in campaigns:
            service.end_campaign(session, campaign_id=campaign_id, now=wall_now())
    bench_of.cache_clear()


def paid_by(shop: Shop) -> dict[str, Any]:
    """Return what makes a campaign a shop's own, which it pays for and runs alone."""
    funders = (Funder(party_id=shop.merchant_id, share=WHOLE),)
    return {"owner_id": shop.merchant_id, "funders": funders, "merchants": (shop.merchant_id,)}


def taken(house: House, campaign_id: UUID) -> int:
    """Return how many points of a campaign's budget were given."""
    with house.services.database.reading() as session:
        found = queries.campaign(session, campaign_id=campaign_id)
    assert found is not None
    return found.taken
