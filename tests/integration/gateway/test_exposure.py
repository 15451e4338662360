"""A merchant at its limit gives no points, takes them as before, and goes on when it may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from functools import partial
from uuid import UUID, uuid4

import pytest
import redis

from config.schedule import measure_exposure
from merchant_gateway.batches.bench import bench_of
from merchant_gateway.client.errors import ProblemError
from network.campaigns import queries as campaigns
from network.campaigns.service import (
    CampaignTerms,
    approve_campaign,
    end_campaign,
    propose_campaign,
)
from network.clearing.parties import NETWORK_PARTY
from network.clock import wall_now
from network.exposure.suspending import SuspensionError
from network.merchants import access_epoch
from network.merchants.settling import Settling
from network.programme.campaigns import WHOLE, Funder
from settlement import defaults, second_person
from tests.integration.gateway import house as houses
from tests.integration.gateway.batching import done, earn_line
from tests.integration.gateway.house import House, Shop

PRICE = 1_000
ANNA, BEHNAM = uuid4(), uuid4()


@pytest.fixture(scope="module")
def violet(house: House) -> Shop:
    """Return a shop that may owe 50,000 rials: 50 points at 1,000 each."""
    house.shops["violet"] = houses.seat_shop(
        house.services, house.url, "violet", pending_days=0, settling=Settling(cap=50 * PRICE)
    )
    return house.shops["violet"]


def test_at_its_limit_a_merchant_gives_no_points(
    house: House, violet: Shop, redis_url: str
) -> None:
    person = house.member()
    bought = wall_now()

    def earn(points: int, key: str | None = None) -> dict[str, object]:
        return violet.client.earn(
            member={"phone": person.phone},
            merchant_ref=f"v-{points}",
            amount=points * 10_000,
            occurred_at=bought,
            idempotency_key=key,
        ).data

    def measure() -> bool:
        with redis.Redis.from_url(redis_url) as client:
            return measure_exposure(house.services, client, wall=wall_now())

    def refused(call: object) -> str:
        with pytest.raises(ProblemError) as error:
            call()  # type: ignore[operator]
        assert error.value.status == 403
        return str(error.value.code)

    earn(40)
    assert not measure()  # four fifths: a warning, no more
    key = uuid4().hex
    posted = earn(10, key)
    assert measure()
    assert refused(lambda: earn(1)) == "issuing_suspended"
    assert refused(lambda: violet.client.quote(amount=10_000)) == "issuing_suspended"
    # A retry of what was posted before gets its answer all the same.
    assert earn(10, key)["id"] == posted["id"]
    # Others give points still, and here they are taken as before: a debt to be settled.
    house.green.client.earn(member={"phone": person.phone}, merchant_ref="g", amount=10_000)
    violet.client.redeem(member=person.code(), merchant_ref="r", points=20)
    assert not measure()
    assert refused(lambda: earn(1)) == "issuing_suspended"
    violet.client.refund_earning(str(posted["id"]), merchant_ref="back", amount=50_000)
    assert measure()
    assert earn(1)["points"] == 1
    with house.services.database.reading() as session:
        assert campaigns.running(session, merchant_id=violet.merchant_id, day=house.today()) == ()


def run_shared(house: House, funder: Shop) -> UUID:
    """Let a bonus of 10 run at the green shop that another pays half of, until its tills know."""
    today = house.today()
    terms = CampaignTerms(
        code="shared",
        name_fa="مشترک",
        name_en="Shared",
        owner_id=NETWORK_PARTY,
        kind="bonus",
        value=Fraction(10),
        first_day=today,
        last_day=today + timedelta(days=2),
        funders=[
            Funder(party_id=party, share=WHOLE // 2)
            for party in (funder.merchant_id, NETWORK_PARTY)
        ],
        budget=1000,
        merchants=[house.green.merchant_id],
    )
    with house.services.database.unit_of_work() as session:
        campaign_id = propose_campaign(session, terms=terms, today=today, now=wall_now())
        approve_campaign(session, campaign_id=campaign_id, today=today, now=wall_now())
    bench_of.cache_clear()
    while house.green.client.quote(amount=100_000).data["points"] != 20:
        pass
    return campaign_id


def test_suspended_points_are_neither_given_nor_taken(house: House, redis_url: str) -> None:
    """Two people suspend the green shop's points, and lift that: its tills and others are told."""
    house.shops["rust"] = rust = houses.seat_shop(house.services, house.url, "rust", pending_days=0)
    person = house.member()

    def agree(propose: str, merchant_id: UUID, *, wanted: bool) -> None:
        with house.services.database.unit_of_work() as session:
            proposal = getattr(defaults, f"propose_{propose}")(
                session,
                merchant_id=merchant_id,
                wanted=wanted,
                reason="It pays nobody",
                by=ANNA,
                now=wall_now(),
            )
        with house.services.database.unit_of_work() as session:
            second_person.approve(
                session, proposal_id=proposal.proposal_id, by=BEHNAM, now=wall_now()
            )
        assert proposal.kind in second_person.CHANGES_ACCESS
        with redis.Redis.from_url(redis_url) as client:
            access_epoch.announce(client)

    def earn(shop: Shop, points: int) -> object:
        return shop.client.earn(
            member={"phone": person.phone}, merchant_ref=uuid4().hex, amount=points * 10_000
        )

    def refused(call: Callable[[], object]) -> ProblemError:
        with pytest.raises(ProblemError) as error:
            call()
        return error.value

    earn(rust, 30)
    earn(house.green, 12)
    other = house.member()
    campaign_id = run_shared(house, rust)
    assert [each["points"] for each in done(house, house.green, [earn_line(other.phone)])] == [20]
    agree("points", rust.merchant_id, wanted=True)
    # What tills and batches still keep of a campaign that it funds refuses nobody's purchase.
    with_it = house.green.client.earn(
        member={"phone": other.phone}, merchant_ref=uuid4().hex, amount=100_000
    )
    assert with_it.data["points"] == 10
    assert [each["points"] for each in done(house, house.green, [earn_line(other.phone)])] == [10]
    with house.services.database.unit_of_work() as session:
        end_campaign(session, campaign_id=campaign_id, now=wall_now())
    assert refused(lambda: earn(rust, 1)).code == "issuing_suspended"
    # 30 of the 42 are suspended, at whose till ever.
    for shop in (rust, house.green):
        redeem = partial(shop.client.redeem, member=person.code(), merchant_ref="n", points=13)
        told = refused(redeem)
        assert (told.status, told.code) == (422, "points_suspended")
        assert told.facts == {"spendable": 12, "suspended": 30, "points": 13}
        assert told.title == "Some of the member's points are suspended"
    rust.client.redeem(member=person.code(), merchant_ref="r", points=12)

    with pytest.raises(SuspensionError) as order:
        agree("suspension", rust.merchant_id, wanted=False)
    assert order.value.reason == "points_first"
    agree("points", rust.merchant_id, wanted=False)
    rust.client.redeem(member=person.code(), merchant_ref="s", points=30)
    assert refused(lambda: earn(rust, 1)).code == "issuing_suspended"
    agree("suspension", rust.merchant_id, wanted=False)
    earn(rust, 1)
