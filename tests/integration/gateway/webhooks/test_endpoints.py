"""Endpoints of webhooks: made, changed, tested, listened at, and refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import redis
from click.testing import CliRunner
from sqlalchemy import text

from config.queues import WEBHOOKS, queue
from config.webhooks import delivering
from merchant_gateway.client import ConflictError, InvalidRequestError, NotFoundError
from merchant_gateway.client.cli import main
from merchant_gateway.schemas.answers import ANSWERS
from network import ids
from network.clock import wall_now
from network.events.webhooks.endpoints import MOST_ENDPOINTS, Wanted, change
from network.operators.models import AuditLog
from tests.fixtures.aside import aside
from tests.integration.gateway.house import House
from tests.integration.gateway.webhooks.telling import begin, deliver, relay
from tests.integration.webhooks.receiver import Receiver, answering, receiving


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
    begin(house, redis_client)
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
    changed = command("webhook", "change", made["id"], "--type", "earning.created", "--disable")
    assert json.loads(changed) == json.loads(command("webhook", "show", made["id"]))
    found = json.loads(changed)
    assert (found["state"], found["types"]) == ("disabled", ["earning.created"])
    assert json.loads(command("webhook", "change", made["id"], "--enable"))["state"] == "enabled"
    rotated = json.loads(command("webhook", "rotate", made["id"], "--overlap-hours", "2"))
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_ends_at"] is not None
    happened = json.loads(command("events"))
    assert sent["id"] in [each["id"] for each in happened["items"]]
    assert json.loads(command("events", "--cursor", happened["next_cursor"]))["items"] == []
    assert json.loads(command("webhook", "remove", made["id"]))["state"] == "deleted"
    assert json.loads(command("webhook", "list")) == []
