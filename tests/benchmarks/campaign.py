"""The campaign of the benchmarks, and which merchants stay without one.

A purchase that a campaign adds to has more lots and more to be looked up, so it is a figure of its
own; the demo's campaigns would end within a round, when their budgets are used up.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from config.demo.stage import Seat
from network.campaigns import queries as campaigns
from network.campaigns.service import CampaignTerms, approve_campaign, propose_campaign
from network.clearing.parties import NETWORK_PARTY
from network.clock import local_date, wall_now
from network.programme.campaigns import WHOLE, Funder
from network.settings import PROGRAMME_ZONE
from tests.benchmarks.stand import Stand

_MERCHANTS = 2


def part(stand: Stand, seats: list[Seat]) -> tuple[list[Seat], list[Seat]]:
    """Return the merchants without a campaign, and some for whom one of the network runs from now.

    It adds to every purchase, and there is enough of it; each person may have much.
    """
    now = wall_now()
    today = local_date(now, zone=PROGRAMME_ZONE)
    with stand.services.database.unit_of_work() as session:
        free = [
            seat
            for seat in seats
            if not campaigns.running(session, merchant_id=seat.merchant_id, day=today)
        ]
        added, plain = free[:_MERCHANTS], free[_MERCHANTS:]
        terms = CampaignTerms(
            code="bench",
            name_fa="سنجش",
            name_en="Bench",
            owner_id=NETWORK_PARTY,
            kind="bonus",
            value=Fraction(15),
            first_day=today,
            last_day=today + timedelta(days=2),
            funders=(Funder(party_id=NETWORK_PARTY, share=WHOLE),),
            budget=10**9,
            merchants=tuple(seat.merchant_id for seat in added),
            person_cap=10**8,
        )
        campaign_id = propose_campaign(session, terms=terms, today=today, now=now)
        approve_campaign(session, campaign_id=campaign_id, today=today, now=now)
    return plain, added
