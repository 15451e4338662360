"""Live campaigns that a sandbox begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction
from typing import Any

from network.campaigns import service as campaigns
from network.campaigns.queries import running
from network.campaigns.service import CampaignTerms
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.members.tiers import add_tier
from network.programme.campaigns import Campaign, Funder
from network.services import Services
from tests.integration.gateway.house import House


@contextmanager
def feasts(house: House) -> Iterator[tuple[Campaign, ...]]:
    """Let live campaigns run at the blue shop within the block; yield those for it, by code."""
    today = house.today()
    blue, green = house.blue.merchant_id, house.green.merchant_id
    common: dict[str, Any] = {
        "name_fa": "جشن",
        "name_en": "Feast",
        "owner_id": NETWORK_PARTY,
        "first_day": today,
        "last_day": today + timedelta(days=2),
        "funders": (
            Funder(party_id=green, share=6_000),
            Funder(party_id=NETWORK_PARTY, share=4_000),
        ),
        "budget": 500,
    }
    wanted: tuple[dict[str, Any], ...] = (
        {"code": "box-all", "kind": "bonus", "value": Fraction(15)},
        {
            "code": "box-gold",
            "kind": "multiplier",
            "value": Fraction(2),
            "tiers": ("sandbox-gold",),
            "merchants": (green, blue),
        },
        {"code": "box-other", "kind": "bonus", "value": Fraction(99), "merchants": (green,)},
        {"code": "box-rests", "kind": "bonus", "value": Fraction(77)},
    )
    with house.services.database.unit_of_work() as session:
        add_tier(session, code="sandbox-gold", rank=7, name_fa="طلایی", name_en="Gold")
        made = [
            campaigns.propose_campaign(
                session, terms=CampaignTerms(**common | each), today=today, now=wall_now()
            )
            for each in wanted
        ]
        for each in made:
            campaigns.approve_campaign(session, campaign_id=each, today=today, now=wall_now())
        campaigns.pause_campaign(session, campaign_id=made[-1], now=wall_now())
    yield feasts_of(house.services, house)
    with house.services.database.unit_of_work() as session:
        for each in made:
            campaigns.end_campaign(session, campaign_id=each, now=wall_now())


def feasts_of(services: Services, house: House) -> tuple[Campaign, ...]:
    with services.database.reading() as session:
        found = running(session, merchant_id=house.blue.merchant_id, day=house.today())
    return tuple(sorted(found, key=lambda each: each.code))
