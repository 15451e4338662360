"""Campaigns at a till, over HTTP: quoted, earned, priced again, refunded."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from merchant_gateway.terms import BELIEVED_SECONDS
from network.campaigns import queries, service
from network.campaigns.errors import CampaignDataError
from network.campaigns.service import CampaignTerms
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.members.tiers import add_tier, set_tier
from network.merchants import agreements
from network.merchants import service as merchants
from network.merchants.queries import SPONSOR
from network.programme.campaigns import WHOLE, Funder
from tests.fixtures.fences import fences
from tests.integration.gateway.house import House, Person


def run(house: House, code: str, value: str, **other: Any) -> UUID:
    """Let a campaign run at the green shop, and wait until the gateway knows it."""
    facts: dict[str, Any] = {
        "code": code,
        "name_fa": "جشن",
        "name_en": code.title(),
        "owner_id": NETWORK_PARTY,
        "kind": "bonus" if Fraction(value) >= 10 else "multiplier",
        "value": Fraction(value),
        "first_day": house.today(),
        "last_day": house.today() + timedelta(days=2),
        "funders": (
            Funder(party_id=house.green.merchant_id, share=6000),
            Funder(party_id=NETWORK_PARTY, share=WHOLE - 6000),
        ),
        "budget": 1000,
        "merchants": (house.green.merchant_id,),
    }
    with house.services.database.unit_of_work() as session:
        campaign_id = service.propose_campaign(
            session, terms=CampaignTerms(**facts | other), today=house.today(), now=wall_now()
        )
        service.approve_campaign(
            session, campaign_id=campaign_id, today=house.today(), now=wall_now()
        )
    await_terms(house)
    return campaign_id


def await_terms(house: House) -> None:
    """Ask until what any process of the gateway kept of campaigns has to be read anew."""
    fresh = monotonic() + BELIEVED_SECONDS
    while monotonic() < fresh:
        house.green.client.quote(amount=10_000)


def end(house: House, *ids: UUID) -> None:
    with house.services.database.unit_of_work() as session:
        for campaign_id in ids:
            service.end_campaign(session, campaign_id=campaign_id, now=wall_now())


def told(data: dict[str, Any]) -> list[tuple[str, bool, str, int]]:
    return [
        (step["facts"]["campaign"]["code"], step["fired"], step["reason"], step["points"])
        for step in data["explanation"]
        if step["rule"] == "campaign"
    ]


def earn(house: House, person: Person, ref: str, amount: int = 400_000) -> dict[str, Any]:
    data: dict[str, Any] = house.green.client.earn(
        member={"phone": person.phone}, merchant_ref=ref, amount=amount
    ).data
    return data


def lots(house: House, person: Person) -> list[tuple[UUID, int, int]]:
    with house.services.database.reading() as session:
        rows = session.execute(
            text(
                "SELECT issuer_id, granted, clawed_back FROM ledger.lot "
                "WHERE member_id = :id ORDER BY lot_id"
            ),
            {"id": person.member_id},
        )
        return [tuple(row) for row in rows]


def taken(house: House, campaign_id: UUID) -> int:
    with house.services.database.reading() as session:
        found = queries.campaign(session, campaign_id=campaign_id)
    assert found is not None
    return found.taken


def test_a_bonus_of_two_funders_from_the_quote_to_its_refund(house: House) -> None:
    """The design's case: base 40, bonus 15 split 60/40 is 40, 9 and 6."""
    campaign_id = run(house, "spring", "15", name_fa="بهار")
    person = house.member()
    quoted = house.green.client.quote(amount=400_000).data
    assert (quoted["points"], told(quoted)) == (55, [("spring", True, "would_bonus", 15)])
    assert quoted["lines"] == [{"line": 0, "amount": 400_000, "points": 55}]
    data = earn(house, person, "c-1")
    assert (data["points"], told(data)) == (55, [("spring", True, "bonus", 15)])
    (shown,) = (json.loads(block.text) for block in fences("campaigns") if "json" in block.words)
    (step,) = (step for step in data["explanation"] if step["rule"] == "campaign")
    assert {name: step[name] for name in shown} == shown  # as the guide's page has it
    green = house.green.merchant_id
    assert lots(house, person) == [(green, 40, 0), (green, 9, 0), (NETWORK_PARTY, 6, 0)]
    backs = [
        house.green.client.refund_earning(
            data["id"], merchant_ref=f"c-1-r{number}", amount=100_000
        ).data["points"]
        for number in range(4)
    ]
    assert backs == [13, 14, 14, 14]
    assert lots(house, person) == [(green, 40, 40), (green, 9, 9), (NETWORK_PARTY, 6, 6)]
    assert taken(house, campaign_id) == 15
    end(house, campaign_id)
    assert earn(house, person, "c-2")["points"] == 40


def test_a_sponsor_s_bonus_is_owed_by_the_sponsor(house: House) -> None:
    today = house.today()
    with house.services.database.unit_of_work() as session:
        cola = merchants.register_merchant(
            session, code="cola", name_fa="کولا", name_en="Cola", kind=SPONSOR, now=wall_now()
        )
        agreed = agreements.propose_agreement(
            session,
            merchant_id=cola,
            effective_from=today,
            issue_price=Decimal("1005.5"),
            acceptance_fee=Decimal(0),
            today=today,
            now=wall_now(),
        )
        agreements.approve_agreement(
            session, agreement_id=agreed.agreement_id, today=today, now=wall_now()
        )
    funders = (Funder(party_id=cola, share=WHOLE),)
    # It pays at others' tills; it has no purchases of its own.
    with pytest.raises(CampaignDataError) as at_its_own:
        run(house, "nowhere", "20", funders=funders, merchants=(cola,))
    assert at_its_own.value.field == "merchants"
    campaign_id = run(house, "cola", "20", funders=funders)
    person = house.member()
    assert earn(house, person, "s-1")["points"] == 60
    assert lots(house, person) == [(house.green.merchant_id, 40, 0), (cola, 20, 0)]
    end(house, campaign_id)


def test_a_tier_has_its_own_campaign(house: House) -> None:
    with house.services.database.unit_of_work() as session:
        add_tier(session, code="gold", rank=1, name_fa="طلایی", name_en="Gold")
    campaign_id = run(house, "golden", "2", tiers=("gold",))
    plain, golden = house.member(), house.member()
    with house.services.database.unit_of_work() as session:
        set_tier(session, member_id=golden.member_id, tier="gold", now=wall_now())
    assert told(earn(house, plain, "t-1")) == [("golden", False, "tier", 0)]
    assert told(earn(house, golden, "t-1")) == [("golden", True, "multiplier", 40)]
    quoted = house.green.client.quote(amount=400_000, member={"phone": golden.phone}).data
    assert told(quoted) == [("golden", True, "would_multiplier", 40)]
    assert told(house.green.client.quote(amount=400_000).data) == [
        ("golden", False, "no_member", 0)
    ]
    end(house, campaign_id)


def test_a_cap_holds_although_many_tills_price_from_one_history(house: House) -> None:
    campaign_id = run(house, "once", "30", person_cap=50)
    person = house.member()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: earn(house, person, f"s-{n}"), range(8)))
    assert sorted(data["points"] for data in found) == [40] * 6 + [60, 70]
    assert taken(house, campaign_id) == 50
    assert told(earn(house, person, "s-9")) == [("once", False, "cap_used", 0)]
    end(house, campaign_id)


def test_a_budget_that_ends_is_given_away_to_its_last_whole_bonus(house: House) -> None:
    campaign_id = run(house, "last", "15", budget=70, slices=16)
    people = [house.member() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: earn(house, people[n], f"e-{n}"), range(8)))
    assert sorted(data["points"] for data in found) == [40] * 4 + [55] * 4
    assert {step for data in found for step in told(data)} == {
        ("last", True, "bonus", 15),
        ("last", False, "exhausted", 0),
    }
    assert taken(house, campaign_id) == 60
    end(house, campaign_id)


def test_one_member_at_many_tills_meets_a_budgets_end(house: House) -> None:
    campaign_id = run(house, "crowd", "15", budget=20, slices=16, person_cap=500)
    person = house.member()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: earn(house, person, f"c-{n}"), range(16)))
    assert sorted(data["points"] for data in found) == [40] * 15 + [55]
    assert taken(house, campaign_id) == 15
    end(house, campaign_id)


@pytest.mark.parametrize("resumed", [True, False])
def test_a_pause_counts_at_once(house: House, resumed: bool) -> None:  # noqa: FBT001 - a case
    campaign_id = run(house, f"pause-{resumed}".lower(), "20")
    person = house.member()
    with house.services.database.unit_of_work() as session:
        service.pause_campaign(session, campaign_id=campaign_id, now=wall_now())
    paused = earn(house, person, f"p-{resumed}-1")
    assert (paused["points"], told(paused)[0][2]) == (40, "paused")
    if resumed:
        with house.services.database.unit_of_work() as session:
            service.resume_campaign(session, campaign_id=campaign_id, now=wall_now())
        await_terms(house)
        assert earn(house, person, f"p-{resumed}-2")["points"] == 60
    end(house, campaign_id)
