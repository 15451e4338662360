"""Webhooks through the gateway: endpoints, what merchants are told, polling, and redelivery."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import redis
from click.testing import CliRunner
from sqlalchemy import text

from config.queues import WEBHOOKS, queue
from config.relay import relay_once
from config.webhooks import delivering
from merchant_gateway.batches.work import run_batch
from merchant_gateway.client import ConflictError, InvalidRequestError, NotFoundError, webhooks
from merchant_gateway.client.cli import main
from merchant_gateway.schemas.answers import ANSWERS
from network import ids
from network.clock import day_start, wall_now
from network.database.installation import move_clock
from network.events.types import TYPES
from network.events.webhooks.endpoints import MOST_ENDPOINTS, Wanted, change
from network.ledger.operations import mature
from network.merchants.happenings import Teller
from network.operators.models import AuditLog
from network.services import Services
from network.settings import PROGRAMME_ZONE
from settlement.nightly import run_night
from tests.fixtures.aside import aside
from tests.integration.gateway.house import House, Shop, open_house
from tests.integration.webhooks.receiver import Receiver, answering, receiving


@pytest.fixture(scope="module")
def house(gateway_services: Services, gateway_owner_url: str) -> Iterator[House]:
    """Yield a simulated coalition whose gateway lets webhooks go to this machine."""
    with open_house(
        gateway_services, owner_url=gateway_owner_url, environment={"PEYVAND_WEBHOOK_LOOPBACK": "1"}
    ) as house:
        yield house


@pytest.fixture(autouse=True)
def no_endpoints(house: House) -> Iterator[None]:
    """Leave no endpoint to the next test."""
    yield
    for shop in house.shops.values():
        for each in shop.client.endpoints.list():
            shop.client.endpoints.delete(each["id"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that takes everything."""
    with receiving(answering(204)) as receiver:
        yield receiver


def relay(house: House, client: redis.Redis) -> None:
    """Hand on all that happened."""
    services = house.services
    teller = Teller(vault=services.vault, entry_ids=services.entry_ids)
    while relay_once(services.database, client, teller=teller):
        pass


def deliver(house: House) -> int:
    return aside(lambda: delivering.run(house.services, loopback=True, linger_seconds=0))


def newest(shop: Shop, number: int) -> list[dict[str, Any]]:
    """Return a merchant's last events, read through the gateway page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = shop.client.endpoints.events(cursor=cursor).data
        cursor = page["next_cursor"]
        if not page["items"]:
            return found[-number:]
        found += page["items"]


def test_a_merchant_is_told_of_its_own_calls_alone(
    house: House, receiver: Receiver, redis_client: redis.Redis
) -> None:
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


def _change_as_operator(house: House, public_id: str, *, enabled: bool) -> None:
    with house.services.database.unit_of_work() as session:
        change(
            session,
            merchant_id=house.blue.merchant_id,
            endpoint_id=ids.decode("whe", public_id),
            wanted=Wanted(enabled=enabled),
            by="operator",
            now=wall_now(),
        )


def test_what_an_operator_disabled_its_merchant_cannot_enable(house: House) -> None:
    endpoints = house.blue.client.endpoints
    made = endpoints.create("https://shop.example/hook").data
    for state in ("disabled", "enabled"):
        endpoints.change(made["id"], state=state)
        _change_as_operator(house, made["id"], enabled=False)
        with pytest.raises(ConflictError) as refused:
            endpoints.change(made["id"], state="enabled")
        assert refused.value.code == "webhook_endpoint_disabled_by_operator"
        shown = endpoints.change(made["id"], state="disabled").data
        assert shown["disabled_because"] == "operator"
        _change_as_operator(house, made["id"], enabled=True)
    assert endpoints.change(made["id"], state="enabled").data["state"] == "enabled"
    endpoints.delete(made["id"])


def test_what_an_operator_disabled_is_not_made_anew(house: House) -> None:
    endpoints = house.blue.client.endpoints
    made = endpoints.create("https://shop.example/hook").data
    other = endpoints.create("https://elsewhere.example/hook").data
    _change_as_operator(house, made["id"], enabled=False)
    attempts: list[Callable[[], object]] = [
        lambda: endpoints.delete(made["id"]),
        lambda: endpoints.create("https://shop.example/hook"),
        lambda: endpoints.create("https://SHOP.example:8443/other?x=1"),
        lambda: endpoints.change(made["id"], url="https://elsewhere.example/2"),
        lambda: endpoints.change(other["id"], url="https://shop.example/2"),
    ]
    for attempt in attempts:
        with pytest.raises(ConflictError) as refused:
            attempt()
        assert refused.value.code == "webhook_endpoint_disabled_by_operator"
    assert [each["id"] for each in endpoints.list()] == [made["id"], other["id"]]
    _change_as_operator(house, made["id"], enabled=True)
    for each in (made, other):
        endpoints.delete(each["id"])


def test_an_endpoint_from_creation_to_removal(house: House) -> None:
    endpoints = house.blue.client.endpoints
    made = endpoints.create(
        "https://shop.example/hook", description="till", types=["settlement.closed"]
    ).data
    jsonschema.validate(made, ANSWERS["NewEndpoint"])
    shown = endpoints.read(made["id"]).data
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert endpoints.list() == [shown]
    changed = endpoints.change(made["id"], url="https://shop.example/2", state="disabled").data
    assert (changed["state"], changed["disabled_because"]) == ("disabled", "merchant")
    with pytest.raises(ConflictError, match="disabled"):
        endpoints.test(made["id"])
    assert endpoints.change(made["id"], state="enabled").data["disabled_because"] is None
    rotated = endpoints.rotate_secret(made["id"], overlap_hours=1).data
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_ends_at"] is not None
    for strange in (made["id"], "whe_" + "a" * 26, "win_" + "a" * 26):
        with pytest.raises(NotFoundError):
            house.green.client.endpoints.read(strange)
    assert endpoints.delete(made["id"]).data == {"id": made["id"], "state": "deleted"}
    with pytest.raises(NotFoundError):
        endpoints.read(made["id"])
    with house.services.database.reading() as session:
        acts = session.query(AuditLog.action, AuditLog.facts).all()
    mine = [action for action, facts in acts if facts.get("endpoint") == made["id"]]
    assert mine == [
        *("webhook.created", "webhook.changed", "webhook.changed", "webhook.rotated"),
        "webhook.removed",
    ]
    assert made["secret"] not in json.dumps([facts for _, facts in acts])


def test_the_answer_with_a_secret_is_kept_sealed(house: House) -> None:
    endpoints = house.blue.client.endpoints
    key = "webhook-endpoint-key-1"
    first = endpoints.create("https://shop.example/", idempotency_key=key)
    second = endpoints.create("https://shop.example/", idempotency_key=key)
    assert second.replayed
    assert first.data == second.data
    assert len(endpoints.list()) == 1
    with house.services.database.reading() as session:
        kept = session.execute(text("SELECT answer::text FROM network.kept_answer")).scalars()
        assert not any(first.data["secret"].removeprefix("whsec_") in each for each in kept)


@pytest.mark.parametrize(
    "url", ["http://shop.example/", "https://10.0.0.1/", "https://user@shop.example/", "https://x/"]
)
def test_urls_that_lead_elsewhere_are_refused(house: House, url: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        house.blue.client.endpoints.create(url)
    assert refused.value.code == "webhook_url_refused"
    assert refused.value.errors[0]["pointer"] == "/url"


def test_wrong_input_is_refused(house: House) -> None:
    endpoints = house.blue.client.endpoints
    made = endpoints.create("https://shop.example/").data
    calls: list[Callable[[], object]] = [
        lambda: endpoints.create("https://shop.example/", types=["webhook.test"]),
        lambda: endpoints.change(made["id"]),
        lambda: endpoints.rotate_secret(made["id"], overlap_hours=1000),
        lambda: endpoints.events(cursor="WyJldmVudHMiLC0xXQ"),
    ]
    for call in calls:
        with pytest.raises(InvalidRequestError):
            call()
    with pytest.raises(NotFoundError):
        endpoints.redeliver("evt_" + "a" * 26)
    for number in range(MOST_ENDPOINTS - 1):
        endpoints.create(f"https://shop.example/{number}")
    with pytest.raises(ConflictError) as refused:
        endpoints.create("https://shop.example/more")
    assert refused.value.code == "too_many_webhook_endpoints"


def test_a_test_its_log_and_another_delivery(
    house: House, receiver: Receiver, redis_client: redis.Redis
) -> None:
    endpoints = house.green.client.endpoints
    made = endpoints.create(receiver.url).data
    event = endpoints.test(made["id"]).data
    jsonschema.validate(event, ANSWERS["Event"])
    relay(house, redis_client)
    assert queue(WEBHOOKS, connection=redis_client).count == 1
    assert deliver(house) == 1
    assert receiver.requests[0].event == event
    assert endpoints.redeliver(event["id"], endpoint_id=made["id"]).data == {
        "event": event["id"],
        "endpoints": 1,
    }
    assert deliver(house) == 1
    assert receiver.ids() == [event["id"]] * 2
    (logged,) = endpoints.deliveries(made["id"])
    jsonschema.validate(logged, ANSWERS["Deliveries"]["properties"]["items"]["items"])
    assert (logged["event"], logged["state"]) == (event["id"], "delivered")
    assert [each["status"] for each in logged["attempts"]] == [204, 204]


def test_the_command_listens_and_verifies(
    house: House, tmp_path: Path, redis_client: redis.Redis
) -> None:
    (tmp_path / "till.pem").write_text(house.green.key.to_pem(), encoding="ascii")
    file = tmp_path / "merchant.toml"
    file.write_text(
        f'[default]\nurl = "{house.url}"\nkey_id = "{house.green.key_id}"\nkey_file = "till.pem"\n',
        encoding="utf-8",
    )

    def command(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["--profiles", str(file), "--json", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    with receiving(answering(204)) as free:
        port = free.port
    made = json.loads(command("webhook", "add", f"http://127.0.0.1:{port}/"))
    listening = subprocess.Popen(
        [
            *(sys.executable, "-c", "from merchant_gateway.client.cli import main; main()"),
            *("webhook", "listen", "--port", str(port), "--count", "1"),
        ],
        env={**os.environ, "PEYVAND_WEBHOOK_SECRET": made["secret"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert listening.stderr is not None
        assert f"127.0.0.1:{port}/" in listening.stderr.readline()
        sent = json.loads(command("webhook", "test", made["id"]))
        aside(lambda: delivering.run(house.services, loopback=True, linger_seconds=0))
        heard, _ = listening.communicate(timeout=60)
    finally:
        listening.kill()
        listening.communicate()
    assert json.loads(heard) == sent
    (delivery,) = json.loads(command("webhook", "deliveries", made["id"]))
    assert delivery["state"] == "delivered"
    assert [each["id"] for each in json.loads(command("webhook", "list"))] == [made["id"]]
