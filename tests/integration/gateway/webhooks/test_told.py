"""What merchants are told, by webhooks and by polling, and what they are not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jsonschema
import redis

from config.queues import WEBHOOKS, queue
from merchant_gateway.batches.work import run_batch
from merchant_gateway.client import webhooks
from merchant_gateway.schemas.answers import ANSWERS
from network import ids
from network.clock import day_start, wall_now
from network.database.installation import move_clock
from network.events.types import TYPES
from network.ledger.operations import mature
from network.settings import PROGRAMME_ZONE
from settlement.nightly import run_night
from tests.integration.gateway.house import House, Shop
from tests.integration.gateway.webhooks.telling import begin, deliver, newest, relay
from tests.integration.webhooks.receiver import Receiver


def test_a_merchant_is_told_of_its_own_calls_alone(
    house: House, receiver: Receiver, redis_client: redis.Redis
) -> None:
    begin(house, redis_client)
    made = house.blue.client.endpoints.create(f"{receiver.url}/blue").data
    house.green.client.endpoints.create(
        f"{receiver.url}/green", types=["redemption.captured", "redemption.refunded"]
    )
    person = house.member(points=100)
    blue = house.blue.client
    earned = blue.earn(
        member={"phone": person.phone}, merchant_ref="w-1", amount=200_000, channel="online"
    ).data
    taken = blue.refund_earning(earned["id"], merchant_ref="w-2", amount=100_000).data
    held = blue.redeem(member=person.code(), merchant_ref="w-3", points=40, capture="manual").data
    blue.capture(held["id"], points=30)
    back = blue.refund_redemption(held["id"], merchant_ref="w-4", points=10).data
    again = blue.redeem(member=person.code(), merchant_ref="w-5", points=5, capture="manual").data
    blue.void(again["id"])
    spent = blue.redeem(member=person.code(), merchant_ref="w-6", points=7).data
    relay(house, redis_client)
    assert queue(WEBHOOKS, connection=redis_client).count == 1
    deliver(house)
    assert {each.path for each in receiver.requests} == {"/blue"}
    events = sorted((each.event for each in receiver.requests), key=lambda each: each["sequence"])
    assert [(each["type"], each["data"]["points"]) for each in events] == [
        ("earning.created", 20),
        ("earning.refunded", 10),
        ("redemption.authorised", 40),
        ("redemption.captured", 30),
        ("redemption.refunded", 10),
        ("redemption.authorised", 5),
        ("redemption.voided", 5),
        ("redemption.captured", 7),
    ]
    data = [each["data"] for each in events]
    ids = [each.get("earning") or each["redemption"] for each in data]
    assert ids == [earned["id"]] * 2 + [held["id"]] * 3 + [again["id"]] * 2 + [spent["id"]]
    assert [data[each]["id"] for each in (0, 1, 2, 4, 7)] == [
        *(earned["id"], taken["id"], held["id"], back["id"], spent["id"])
    ]
    _check_against_transactions(house.blue, data)
    _check_privacy(receiver, house, person)
    for request in receiver.requests:
        assert webhooks.verify(request.headers, request.body, made["secret"])
        assert webhooks.verify(request.headers, request.body, made["public_key"])
    assert newest(house.blue, 8) == events


def _check_against_transactions(shop: Shop, data: list[dict[str, Any]]) -> None:
    """Hold what was told against what the gateway lists."""
    for each in data:
        listed = shop.client.transaction(each["id"]).data
        for name in ("points", "amount", "merchant_ref", "member", "business_date", "channel"):
            assert each[name] == listed[name], name


def _check_privacy(receiver: Receiver, house: House, person: Any) -> None:
    sent = b" ".join(each.body for each in receiver.requests)
    for secret in (person.phone, person.card, str(person.member_id), "Mina", "Karimi"):
        assert secret.encode() not in sent
    assert b"member" in sent
    names = {each["data"]["member"] for each in newest(house.green, 1)}
    assert not any(name.encode() in sent for name in names)


def test_what_is_sent_has_the_fields_of_the_documented_example(
    house: House, redis_client: redis.Redis
) -> None:
    relay(house, redis_client)
    events = newest(house.blue, 200) + newest(house.green, 200)
    assert {each["type"] for each in events} > {"earning.created", "redemption.captured"}
    for each in events:
        kind = TYPES[each["type"]]
        assert each["version"] == kind.version
        assert set(each["data"]) == set(kind.example), each["type"]
        jsonschema.validate(each, ANSWERS["Event"])


def test_every_line_of_a_batch_is_told(house: House, redis_client: redis.Redis) -> None:
    people = [house.member() for _ in range(3)]
    sent = house.green.client.batches.send(
        {
            "type": "earn",
            "merchant_ref": f"line-{number}",
            "member": {"phone": person.phone},
            "amount": 100_000 * (number + 1),
            "currency": "IRR",
            "occurred_at": wall_now().isoformat(),
            "channel": "in_store",
        }
        for number, person in enumerate(people)
    ).data
    run_batch(house.services, batch_id=str(ids.decode("bat", sent["id"])))
    results = list(house.green.client.batches.results(sent["id"]))
    relay(house, redis_client)
    told = [each["data"] for each in newest(house.green, 3)]
    assert {(each["id"], each["merchant_ref"], each["points"]) for each in told} == {
        (each["id"], each["merchant_ref"], each["points"]) for each in results
    }
    assert sorted(each["points"] for each in told) == [10, 20, 30]


def test_a_hold_that_ran_out_is_told_to_whom_it_was_for(
    house: House, redis_client: redis.Redis
) -> None:
    person = house.member(points=50)
    held = house.blue.client.redeem(
        member=person.code(), merchant_ref="x-1", points=9, capture="manual"
    ).data
    later = wall_now() + timedelta(hours=1)
    with house.services.database.ledger() as connection:
        assert mature(connection, now=wall_now(), wall=later, member_id=person.member_id)
    relay(house, redis_client)
    told = newest(house.blue, 1)[0]
    assert (told["type"], told["data"]["points"]) == ("redemption.expired", 9)
    assert told["data"]["redemption"] == held["id"]


def test_a_night_is_told_to_each_merchant(house: House, redis_client: redis.Redis) -> None:
    person = house.member(points=50)
    house.blue.client.redeem(member=person.code(), merchant_ref="n-1", points=5)
    today = house.today()
    midnight = day_start(today + timedelta(days=1), zone=PROGRAMME_ZONE)
    with house.services.database.unit_of_work() as session:
        move_clock(session, to=midnight + timedelta(hours=1), wall=wall_now())
    run_night(house.services, started_by="test")
    relay(house, redis_client)
    closed = [each for each in newest(house.blue, 20) if each["type"] == "settlement.closed"]
    (settled,) = house.blue.client.settlements()
    assert [each["data"] for each in closed] == [
        {
            **settled["window"],
            "currency": "IRR",
            "net": settled["totals"]["net"],
            "closing": settled["totals"]["closing"],
            "digest": settled["digest"],
        }
    ]
