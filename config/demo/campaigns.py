"""The demo's campaigns as data, and which households are of the silver tier.

Like the coalition they are dated by days of the fortnight. Every name is invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.orm import Session

from config.demo.names import Name
from config.demo.purchases import Basket
from network.campaigns import service
from network.campaigns.service import CampaignTerms
from network.clearing.parties import NETWORK_NAME, NETWORK_PARTY
from network.members.tiers import add_tier
from network.programme.campaigns import Funder

if TYPE_CHECKING:
    from config.demo.stage import Signatories

SILVER = Name(fa="نقره‌ای", en="Silver")
SILVER_CODE = "silver"
_ONE_IN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A campaign of the fortnight; shares are ten-thousandths, caps and budget points."""

    code: str
    name: Name
    kind: str
    value: Fraction
    first_day: int
    last_day: int
    merchants: tuple[str, ...]
    funders: tuple[tuple[str, int], ...]
    budget: int
    tiers: tuple[str, ...] = ()
    minimum_amount: int = 0
    person_cap: int | None = None


PLANS = (
    Plan(
        code="autumn-basket",
        name=Name(fa="سبد پاییزی", en="Autumn basket"),
        kind="bonus",
        value=Fraction(15),
        first_day=0,
        last_day=13,
        merchants=("mahtab",),
        funders=(("mahtab", 6_000), (NETWORK_NAME, 4_000)),
        budget=6_000,
        minimum_amount=1_500_000,
        person_cap=70,
    ),
    Plan(
        code="silver-double",
        name=Name(fa="دو برابر نقره‌ای", en="Silver double"),
        kind="multiplier",
        value=Fraction(2),
        first_day=2,
        last_day=11,
        merchants=("bostan", "narenj", "dasht"),
        funders=((NETWORK_NAME, 5_000), ("bostan", 2_500), ("narenj", 2_500)),
        budget=2_000,
        tiers=(SILVER_CODE,),
    ),
    # A sponsor's: it has no till, and owes what its points are worth wherever they are taken.
    Plan(
        code="noosh-week",
        name=Name(fa="هفتهٔ نوش", en="Noosh week"),
        kind="bonus",
        value=Fraction(12),
        first_day=3,
        last_day=9,
        merchants=("mahtab", "sepand"),
        funders=(("noosh", 10_000),),
        budget=1_500,
        minimum_amount=900_000,
        person_cap=24,
    ),
)


def sharing_a_budget(day: int) -> frozenset[str]:
    """Return the merchants with a campaign on a day of the play, counted from 0."""
    return frozenset(
        slug for plan in PLANS if plan.first_day <= day <= plan.last_day for slug in plan.merchants
    )


def tier_of_household(household_id: int) -> str | None:
    """Return the tier that a household is given when it joins, None for everybody's."""
    return SILVER_CODE if household_id % _ONE_IN == 0 else None


def set_campaigns(
    session: Session,
    *,
    parties: Mapping[str, UUID],
    first_day: date,
    now: datetime,
    signatories: Signatories,
) -> None:
    """Make the silver tier, and let the campaigns run: proposed and approved by two people.

    ``parties`` are partners and sponsors by their codes.
    """
    add_tier(session, code=SILVER_CODE, rank=1, name_fa=SILVER.fa, name_en=SILVER.en)
    parties = {**parties, NETWORK_NAME: NETWORK_PARTY}
    for plan in PLANS:
        campaign_id = service.propose_campaign(
            session,
            terms=CampaignTerms(
                code=plan.code,
                name_fa=plan.name.fa,
                name_en=plan.name.en,
                owner_id=NETWORK_PARTY,
                kind=plan.kind,
                value=plan.value,
                first_day=first_day + timedelta(days=plan.first_day),
                last_day=first_day + timedelta(days=plan.last_day),
                funders=[
                    Funder(party_id=parties[code], share=share) for code, share in plan.funders
                ],
                budget=plan.budget,
                minimum_amount=plan.minimum_amount,
                merchants=[parties[code] for code in plan.merchants],
                tiers=plan.tiers,
                person_cap=plan.person_cap,
            ),
            today=first_day,
            now=now,
            proposed_by=signatories.proposer,
        )
        service.approve_campaign(
            session,
            campaign_id=campaign_id,
            today=first_day,
            now=now,
            approved_by=signatories.approver,
        )


def as_json(*, first_day: date, baskets: Iterable[Basket]) -> dict[str, Any]:
    """Return campaigns with real dates, and members by tier, as plain JSON values."""
    households = sorted({basket.household_id for basket in baskets})
    return {
        "tiers": {
            SILVER_CODE: [
                f"household-{each}" for each in households if tier_of_household(each) is not None
            ]
        },
        "campaigns": [
            {
                "code": plan.code,
                "kind": plan.kind,
                "value": str(plan.value),
                "from": (first_day + timedelta(days=plan.first_day)).isoformat(),
                "to": (first_day + timedelta(days=plan.last_day)).isoformat(),
                "merchants": list(plan.merchants),
                "tiers": list(plan.tiers),
                "minimum_amount": plan.minimum_amount,
                "person_cap": plan.person_cap,
                "budget": plan.budget,
                "funders": [{"party": code, "share": share} for code, share in plan.funders],
            }
            for plan in PLANS
        ],
    }
