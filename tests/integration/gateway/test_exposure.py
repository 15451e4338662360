"""A merchant at its limit gives no points, takes them as before, and goes on when it may."""

from __future__ import annotations

from uuid import uuid4

import pytest
import redis

from config.schedule import measure_exposure
from merchant_gateway.client.errors import ProblemError
from network.campaigns import queries as campaigns
from network.clock import wall_now
from network.merchants.settling import Settling
from tests.integration.gateway import house as houses
from tests.integration.gateway.house import House, Shop

PRICE = 1_000


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
