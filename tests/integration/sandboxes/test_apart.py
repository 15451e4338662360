"""Test keys and live keys, every operation of the url map: neither reaches the other's data.

Each operation is called with what belongs to the other environment: ids, phones, cards, codes. It
must not be found, and every table there must hold afterwards what it held before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
import requests
from sqlalchemy import create_engine, text

from config.relay import relay_once
from merchant_gateway.client import GatewayClient
from merchant_gateway.operations import Operation, load_operations
from network.clock import wall_now
from network.ids import decode, encode
from network.merchants.happenings import Teller
from network.sandboxes import queries, time
from network.sandboxes.opening import database_url, sandbox_services
from network.services import Services
from settlement.nightly import run_night
from tests.integration.gateway.batching import JSONL
from tests.integration.gateway.house import House
from tests.integration.gateway.till import ask
from tests.integration.sandboxes.conftest import Tills
from tests.integration.sandboxes.stand import Stand, reference

QUERY = {"create_reconciliation": f"?business_date={wall_now().date() - timedelta(days=2)}"}
"""What an operation needs behind its path."""

CHANGES_THE_ONE_TABLE = {"create_key", "reset_sandbox"}
"""What a key does with its own environment in tables that both are in (tests/…/test_keys.py)."""

TABLES = text(
    "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
    "WHERE schemaname IN ('network', 'ledger') AND tablename NOT IN "
    "('sandbox', 'merchant_key', 'merchant_event_counter') ORDER BY 1"
)


@dataclass(frozen=True, kw_only=True)
class Things:
    """What there is in one environment, by the names that paths and bodies have for it."""

    path: dict[str, str]
    member: dict[str, str]
    earning: str
    owner_url: str

    def secrets(self) -> set[str]:
        """Return what no answer of the other environment may hold."""
        known = {self.path["key_id"], self.member["phone"]}  # phones count up in every sandbox
        return {*self.path.values(), *self.member.values()} - known


@pytest.fixture(scope="module")
def live(house: House, stand: Stand, owner_url_of_house: str, redis_url: str) -> Things:
    """Return things among the live data, made with a live key."""

    def work() -> None:
        with redis.Redis.from_url(redis_url) as client:
            services = house.services
            teller = Teller(vault=services.vault, entry_ids=services.entry_ids)
            relay_once(services.database, client, teller=teller)

    person = house.member(points=60)
    found = _things(house.green.client, person.phone, person.card, person.code()["code"], work)
    house.blue.client.redeem(member=person.code(), merchant_ref=reference(), points=5)
    with house.services.database.unit_of_work() as session:
        time.end_day(session, wall=wall_now())
    run_night(house.services, started_by="test")
    return _settled(house.green.client, found, house.green.key_id, owner_url_of_house)


@pytest.fixture(scope="module")
def sandboxed(house: House, stand: Stand, tills: Tills, owner_url_of_house: str) -> Things:
    """Return the same things in the green shop's sandbox, made with a test key."""
    # Windows are named by their days: what is settled here is of another day.
    tills.green.sandbox.move_clock(days=3)
    made = tills.green.sandbox.member().data
    found = _things(
        tills.green,
        made["phone"],
        made["card"],
        tills.green.sandbox.code(made["id"]).data["code"],
        stand.tend,
    )
    code = tills.green.sandbox.code(made["id"]).data["code"]
    tills.green.redeem(member={"code": code}, merchant_ref=reference(), points=5)
    tills.green.sandbox.settle()
    with house.services.database.reading() as session:
        view = queries.sandbox_of(session, merchant_id=house.green.merchant_id)
    assert view is not None
    url = database_url(owner_url_of_house, name=view.database_name)
    return _settled(tills.green, found, tills.green.ping().data["key_id"], url)


def test_a_test_key_never_touches_live_data(
    house: House, tills: Tills, live: Things, sandboxed: Things
) -> None:
    before = _contents(live.owner_url)
    client = tills.green
    for each, response in _every_operation(house, client, live):
        assert response.headers["Peyvand-Environment"] == "test", each.name
        _judge(each, response, live)
    assert _contents(live.owner_url) == before


def test_a_live_key_never_touches_a_sandbox(house: House, live: Things, sandboxed: Things) -> None:
    before = _contents(sandboxed.owner_url)
    for each, response in _every_operation(house, house.green.client, sandboxed):
        assert response.headers["Peyvand-Environment"] == "live", each.name
        if each.test_only:
            assert (response.status_code, response.json()["code"]) == (403, "test_key_required")
        else:
            _judge(each, response, sandboxed)
    assert _contents(sandboxed.owner_url) == before


def test_one_sandbox_knows_nothing_of_another(
    house: House, stand: Stand, tills: Tills, sandboxed: Things
) -> None:
    stand.fresh(house.blue.merchant_id)
    before = _contents(sandboxed.owner_url)
    for each, response in _every_operation(house, tills.blue, sandboxed, shop="blue"):
        _judge(each, response, sandboxed)
    assert _contents(sandboxed.owner_url) == before


def test_the_guards_of_the_table_see_a_change(house: House, tills: Tills, live: Things) -> None:
    before = _contents(live.owner_url)
    house.green.client.earn(
        member={"phone": live.member["phone"]}, merchant_ref=reference(), amount=10_000
    )
    changed = {name for name, digest in _contents(live.owner_url).items() if before[name] != digest}
    assert {"ledger.wallet", "ledger.lot", "network.outbox"} <= changed


def test_webhooks_of_a_sandbox_reach_this_machine_only_where_live_ones_do(
    house: House, stand: Stand, tills: Tills
) -> None:
    tills.green.sandbox.read()
    with stand.inside(house.green.merchant_id) as inside:
        assert inside.settings.webhook_loopback
    with house.services.database.reading() as session:
        view = queries.sandbox_of(session, merchant_id=house.green.merchant_id)
    assert view is not None
    settings = replace(house.services.settings, webhook_loopback=False)
    real = Services.from_settings(settings, application_name="test")
    inside = sandbox_services(real, view, application_name="test")
    assert not inside.settings.webhook_loopback
    assert inside.vault.key("x") != house.services.vault.key("x")


def _every_operation(
    house: House, client: GatewayClient, things: Things, *, shop: str = "green"
) -> Iterator[tuple[Operation, requests.Response]]:
    """Call every operation with another environment's things; yield each answer."""
    bodies = _bodies(things)
    operations = load_operations()
    assert set(bodies) == {
        each.name for each in operations.values() if each.method in {"POST", "PATCH"}
    }
    for each in operations.values():
        if each.name in CHANGES_THE_ONE_TABLE:
            continue
        path = f"/v1{each.path}{QUERY.get(each.name, '')}"
        for name, value in things.path.items():
            path = path.replace(f"<{name}>", value)
        assert "<" not in path, path
        transport = client._transport
        key: Any = transport._key
        body = bodies.get(each.name)
        response = ask(
            house,
            house.shops[shop],
            method=each.method,
            target=path,
            body=body,
            media_type=JSONL if each.lines else "application/json",
            key=key,
            key_id=transport.key_id,
        )
        yield each, response


def _judge(each: Operation, response: requests.Response, things: Things) -> None:
    """Fail where an answer found, told or changed what belongs to the other environment."""
    said = response.text
    assert not [secret for secret in things.secrets() if secret in said], (each.name, said)
    if "<" in each.path:
        assert response.status_code == 404, (each.name, said)
    elif each.name in {"look_up_member", "create_earning", "reverse_redemption"}:
        assert (response.status_code, response.json()["code"]) == (404, "unknown_member"), said
    elif each.name == "create_dispute":
        assert response.status_code == 404, (each.name, said)
    elif (
        each.name == "create_reconciliation"
    ):  # a day that is not over here, or a record of its own
        assert response.status_code in {202, 422}, (each.name, said)
    elif each.name == "enrol_member":  # phones count up in every sandbox, so one may be known
        known = response.json().get("code") == "already_member"
        assert known or response.status_code == 201, (each.name, said)
    elif each.name == "create_redemption":
        assert (response.status_code, response.json()["code"]) == (422, "invalid_code"), said
    else:
        assert response.status_code < 300, (each.name, said)


def _bodies(things: Things) -> dict[str, Any]:
    now = wall_now().isoformat()
    money = {"amount": 10_000, "currency": "IRR", "occurred_at": now}
    member = {"card": things.member["card"]}
    line = {"type": "earn", "member": member, "merchant_ref": reference(), **money}
    return {
        "look_up_member": {"member": {"phone": things.member["phone"]}},
        "enrol_member": {"phone": things.member["phone"], "consents": ["membership"]},
        "confirm_member": {"code": "123456"},
        "answer_sandbox_request": {"answer": "yes"},
        "quote_earning": money,
        "create_earning": {"member": member, "merchant_ref": reference(), **money},
        "refund_earning": {
            "merchant_ref": reference(),
            "amount": 1_000,
            "currency": "IRR",
            "occurred_at": now,
        },
        "create_batch": json.dumps(line).encode() + b"\n",
        "create_redemption": {
            "member": {"code": things.member["code"]},
            "merchant_ref": reference(),
            "points": 1,
            "occurred_at": now,
        },
        "capture_redemption": {},
        "void_redemption": {},
        "reverse_redemption": {"member": member, "merchant_ref": things.earning},
        "refund_redemption": {"merchant_ref": reference(), "points": 1, "occurred_at": now},
        "create_webhook_endpoint": {"url": "http://127.0.0.1:9/"},
        "change_webhook_endpoint": {"state": "disabled"},
        "rotate_webhook_secret": {},
        "send_test_event": {},
        "redeliver_event": {},
        "create_reconciliation": json.dumps(
            {"type": "earn", "merchant_ref": things.earning, "occurred_at": now, "amount": 10_000}
        ).encode()
        + b"\n",
        "create_dispute": {
            "entry": things.path["entry_id"],
            "reason": "points",
            "words": "these are ours",
        },
        "add_dispute_note": {"words": "hear us"},
        "confirm_direct_payment": {"outcome": "arrived"},
        "create_key": {},
        "revoke_key": {},
        "move_sandbox_clock": {"days": 1},
        "settle_sandbox": {},
        "reset_sandbox": {},
        "create_sandbox_member": {},
        "create_sandbox_code": {},
        "create_partner_redemption": {"points": 1},
    }


def _things(
    client: GatewayClient, phone: str, card: str, code: str, work: Callable[[], None]
) -> dict[str, Any]:
    """Have one of everything made by a client; ``work`` is what workers do."""
    ref = reference()
    endpoint = client.endpoints.create("http://127.0.0.1:9/").data
    earning = client.earn(member={"card": card}, merchant_ref=ref, amount=300_000).data
    held = client.redeem(
        member={"code": code}, merchant_ref=reference(), points=5, capture="manual"
    ).data
    batch = client.batches.send([_line(phone)]).data
    work()
    return {
        "phone": phone,
        "card": card,
        "code": code,
        "ref": ref,
        "earning_id": earning["id"],
        "redemption_id": held["id"],
        "batch_id": batch["id"],
        "endpoint_id": endpoint["id"],
        "member_id": client.lookup(member={"phone": phone}).data["member"],
        "event_id": client.endpoints.events().data["items"][0]["id"],
        "enrolment_id": client.enrol(phone="09351234567", consents=["membership"]).data["id"],
        "request_id": client.redeem(
            member={"phone": phone}, merchant_ref=reference(), points=1, consent="ask"
        ).data["id"],
    }


def _line(phone: str) -> dict[str, Any]:
    return {
        "type": "earn",
        "member": {"phone": phone},
        "merchant_ref": reference(),
        "amount": 50_000,
        "currency": "IRR",
        "occurred_at": wall_now().isoformat(),
    }


def _settled(client: GatewayClient, found: dict[str, Any], key_id: str, owner_url: str) -> Things:
    path = {name: value for name, value in found.items() if name.endswith("_id")}
    path["entry_id"] = found["earning_id"].replace("ern_", "ent_")
    window = next(iter(client.settlements()))["window"]
    path["settlement_id"] = window["id"]
    line = {"type": "earn", "merchant_ref": found["ref"], "occurred_at": wall_now().isoformat()}
    record = client.reconciliation.send(
        json.dumps({**line, "amount": 300_000}).encode() + b"\n",
        business_date=date.fromisoformat(window["first_day"]),
    )
    path["reconciliation_id"] = record.data["id"]
    dispute = client.reconciliation.dispute(
        entry=found["earning_id"], reason="points", words="it was a larger basket"
    )
    path["dispute_id"] = dispute.data["id"]
    path["direct_payment_id"] = _between_merchants(owner_url, window["id"])
    path["key_id"] = key_id
    member = {"card": found["card"], "code": found["code"], "phone": found["phone"]}
    return Things(path=path, member=member, earning=found["ref"], owner_url=owner_url)


def _between_merchants(owner_url: str, settlement_id: str) -> str:
    """Return the id of a payment between two merchants, which no night here would make."""
    payment_id = uuid4()
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO network.direct_payment
                    (direct_payment_id, window_id, payer_id, payee_id, currency, amount, iban,
                     holder, reference, state)
                SELECT :id, :window, min(merchant_id::text)::uuid, max(merchant_id::text)::uuid,
                       'IRR', 5, 'IR190540000000100324200001', 'Payee', 'PVAPART', 'released'
                FROM network.merchant
            """),
            {"id": payment_id, "window": decode("win", settlement_id)},
        )
    engine.dispose()
    return encode("dpy", payment_id)


def _contents(owner_url: str) -> dict[str, str | None]:
    """Return a digest of every row of every table."""
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        names = connection.execute(TABLES).scalars().all()
        digests = {
            name: connection.execute(
                text(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} AS t")
            ).scalar_one()
            for name in names
        }
    engine.dispose()
    return digests
