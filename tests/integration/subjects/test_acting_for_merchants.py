"""What would let an operator act or be paid as a merchant takes two, and the merchant is told."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event, text

from config import handlers
from config.demo.accounts import made_up_iban
from config.preparation import prepare_installation
from config.queues import MESSAGES, queue
from config.relay import relay_once
from config.schedule import MESSAGE_LEFT_ALONE, ask_messages
from network import ids
from network.clock import wall_now
from network.database.connection import Database
from network.events.queries import waiting
from network.events.service import publish
from network.ledger.audit_pass import run_pass
from network.merchants import agreements, applications, queries, service
from network.merchants.agreements import ACCOUNT_TOPIC
from network.merchants.applications import Contact
from network.merchants.errors import KeyNeedsTwoError
from network.merchants.keys import KEY_TOPIC
from network.messaging.models import Message
from network.messaging.service import BODY_PURPOSE, RECIPIENT_PURPOSE
from network.messaging.service import TOPIC as MESSAGE_TOPIC
from network.money.queries import payment_details
from network.operators.audit import every_row
from network.operators.audit_agreed import AGREEMENTS
from network.programme.days import begun_day
from network.services import Services
from tests.integration.settlement.office import Office, open_office

MANAGE = "/merchants/bahar/manage"
PEOPLE = "sara@bahar.example"


@dataclass(frozen=True, kw_only=True)
class Bahar:
    """A merchant that takes part by its first live key, and two operators."""

    services: Services
    office: Office
    merchant_id: UUID
    today: date

    def keys(self) -> list[str]:
        with self.services.database.reading() as session:
            found = queries.keys(session, merchant_id=self.merchant_id)
        return [each.key_id for each in found if each.environment == "live"]

    def letters(self, topic: str) -> list[tuple[str, str]]:
        """Have events of a topic told, twice over; return who was written to, and what."""
        told = handlers.HANDLERS[topic]
        with self.services.database.unit_of_work() as session:
            payloads = session.scalars(
                text("SELECT payload FROM network.outbox WHERE topic = :topic ORDER BY event_id"),
                {"topic": topic},
            ).all()
        for payload in [*payloads] * 2:
            told.load()(self.services, **payload)
        with self.services.database.reading() as session:
            rows = session.execute(
                text(
                    "SELECT sealed_recipient, sealed_body FROM network.message ORDER BY message_id"
                )
            ).all()
        opened = self.services.vault.open
        return [
            (
                opened(row.sealed_recipient, purpose=RECIPIENT_PURPOSE).decode(),
                opened(row.sealed_body, purpose=BODY_PURPOSE).decode(),
            )
            for row in rows
        ]


@pytest.fixture
def bahar(services: Services) -> Iterator[Bahar]:
    """Yield a merchant whose application an operator approved."""
    now = wall_now()
    prepare_installation(services, wall=now)
    with services.database.unit_of_work() as session:
        today = begun_day(session, wall=now)
        door = applications.apply(
            session,
            services.vault,
            name_fa="بهار",
            name_en="Bahar",
            kind="grocer",
            contact=Contact(name="Sara", email=PEOPLE, phone="02188776655"),
            locale="en",
            address="192.0.2.1",
            now=now,
        )
        merchant_id = applications.approve(
            session, application_id=door.application_id, code="bahar", now=now, reviewed_by=None
        )
        assert door.key is not None
        service.note_key_use(session, key_id=door.key.key_id, day=today)
    with open_office(services) as office:
        yield Bahar(services=services, office=office, merchant_id=merchant_id, today=today)


def public_key() -> str:
    """Return a new public key, as base64."""
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return base64.b64encode(raw).decode()


def issue_live_key(bahar: Bahar) -> None:
    with bahar.services.database.unit_of_work() as session:
        service.issue_key(
            session,
            bahar.services.vault,
            merchant_id=bahar.merchant_id,
            environment="live",
            now=wall_now(),
        )


def test_the_news_of_a_key_outlives_the_queue(bahar: Bahar, redis_client: redis.Redis) -> None:
    issue_live_key(bahar)
    database = bahar.services.database
    while relay_once(database, redis_client, services=bahar.services):
        redis_client.flushdb()
    later = wall_now() + MESSAGE_LEFT_ALONE + timedelta(minutes=1)
    (asked,) = ask_messages(bahar.services, redis_client, wall=later)
    with database.reading() as session:
        kept = session.get_one(Message, asked)
    assert bahar.services.vault.open(kept.sealed_recipient, purpose=RECIPIENT_PURPOSE) == (
        PEOPLE.encode()
    )


def test_a_relay_that_ends_before_the_event_goes_tells_nobody_twice(
    bahar: Bahar, redis_client: redis.Redis
) -> None:
    database = bahar.services.database
    while relay_once(database, redis_client, services=bahar.services):
        pass

    def stored() -> int:
        with database.reading() as session:
            return int(session.execute(text("SELECT count(*) FROM network.message")).scalar_one())

    def comes_first() -> str:
        with database.reading() as session:
            return waiting(session, limit=1)[0].topic

    before = stored()
    issue_live_key(bahar)
    with database.unit_of_work() as session:
        publish(session, topic=MESSAGE_TOPIC, payload={"message_id": str(UUID(int=1))})
    while comes_first() != KEY_TOPIC:
        relay_once(database, redis_client, batch=1, services=bahar.services)
    with redis.Redis(port=1) as nobody, pytest.raises(redis.RedisError):
        relay_once(database, nobody, services=bahar.services)
    assert (stored(), comes_first()) == (before + 1, KEY_TOPIC)
    while relay_once(database, redis_client, services=bahar.services):
        pass
    assert stored() == before + 1


def test_news_that_cannot_be_written_become_a_job(
    bahar: Bahar, owner_database: Database, redis_client: redis.Redis
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(text("UPDATE network.merchant_application SET sealed_contact = '\\x00'"))
    issue_live_key(bahar)
    database = bahar.services.database
    while relay_once(database, redis_client, services=bahar.services):
        pass
    jobs = queue(MESSAGES, connection=redis_client).jobs
    assert KEY_TOPIC in {job.args[0] for job in jobs}


def test_news_that_others_hold_up_become_a_job(
    bahar: Bahar, owner_database: Database, redis_client: redis.Redis
) -> None:
    database = bahar.services.database
    while relay_once(database, redis_client, services=bahar.services):
        pass
    issue_live_key(bahar)
    hasten = text("SET LOCAL lock_timeout = '50ms'")
    event.listen(database.engine, "begin", lambda connection: connection.execute(hasten))
    with owner_database.unit_of_work() as session:
        session.execute(text("LOCK TABLE network.merchant_application IN ACCESS EXCLUSIVE MODE"))
        while relay_once(database, redis_client, services=bahar.services):
            pass
    jobs = queue(MESSAGES, connection=redis_client).jobs
    assert KEY_TOPIC in {job.args[0] for job in jobs}


def test_a_live_key_of_who_takes_part_needs_two_people_and_is_told(bahar: Bahar) -> None:
    clerk, head = bahar.office.clerk, bahar.office.head
    live: dict[str, Any] = {"environment": "live", "public_key": public_key(), "scopes": "refunds"}
    assert "Registered: mk_live_" in clerk.fill(MANAGE, f"{MANAGE[:-7]}/keys", **live).text
    (first,) = bahar.keys()

    # From here on it takes part, and an operator alone could act as it.
    live["public_key"] = public_key()
    silent = clerk.fill(MANAGE, f"{MANAGE[:-7]}/keys", **live, why=" ")
    assert "Say why, in a sentence or two" in silent.text
    secret = clerk.fill(
        MANAGE, f"{MANAGE[:-7]}/keys", **live | {"public_key": ""}, why="A new till"
    )
    assert "This is not an Ed25519 public key" in secret.text
    asked = clerk.fill(MANAGE, f"{MANAGE[:-7]}/keys", **live, why="A new till")
    assert "Proposed. It is done once another person has approved it." in asked.text
    assert bahar.keys() == [first]
    with (
        pytest.raises(KeyNeedsTwoError),
        bahar.services.database.unit_of_work() as session,
    ):
        service.issue_key(
            session,
            bahar.services.vault,
            merchant_id=bahar.merchant_id,
            environment="live",
            now=wall_now(),
        )
    assert "A live key of Bahar, SHA256:" in head.get("/proposals").text
    assert "Approved, and done." in bahar.office.approve(MANAGE).text
    assert len(bahar.keys()) == 2
    with bahar.services.database.reading() as session:
        logged = [
            each.facts["key"]
            for each in every_row(session)
            if (each.action, each.subject) == ("key.registered", "merchant:bahar")
        ]
    assert set(logged) == set(bahar.keys())
    told = bahar.letters(KEY_TOPIC)
    assert [who for who, _body in told] == [PEOPLE] * 2
    for key in bahar.keys():  # noqa: SIM118 - a reading, no mapping
        assert any(f"The live key {key} (SHA256:" in body for _who, body in told)


def test_an_agreement_is_signed_with_all_of_it_in_sight_and_its_account_is_told(
    bahar: Bahar,
) -> None:
    page, old, new = "/merchants/bahar", made_up_iban("old"), made_up_iban("new")
    database, now = bahar.services.database, wall_now()
    with database.unit_of_work() as session:
        made = agreements.propose_agreement(
            session,
            merchant_id=bahar.merchant_id,
            effective_from=bahar.today,
            issue_price=Decimal(990),
            acceptance_fee=Decimal(0),
            settlement_iban=old,
            today=bahar.today,
            now=now,
        )
        agreements.approve_agreement(
            session, agreement_id=made.agreement_id, today=bahar.today, now=now
        )
    later = bahar.today + timedelta(days=2)
    form = {
        "effective_from": later.isoformat(),
        "settlement_iban": new,
        "account_holder": "  Bahar  Trading ",
        "credit_cap": "",
    }
    asked = bahar.office.clerk.fill(f"{page}/agreements/new", f"{page}/agreements", **form)
    assert "Proposed. It takes effect once another person has approved it." in asked.text
    for path in ("/", "/proposals"):
        assert "Agreement with Bahar from" in bahar.office.head.get(path).text
    shown = bahar.office.head.get(page)
    assert f"IBAN {old} {new} Changed" in shown.text
    assert "Account holder Bahar Bahar Trading Changed" in shown.text
    assert "Cap, rials no limit no limit" in shown.text
    with database.reading() as session:
        (waits,) = queries.waiting_agreements(session)
    action = f"{page}/agreements/{ids.encode('agr', waits.agreement_id)}/approve"
    assert "Approved. In force from" in shown.send(action).text

    with database.snapshot() as session:
        holders = [
            payment_details(session, on=day)[bahar.merchant_id].holder
            for day in (bahar.today, later)
        ]
        logged = run_pass(session, AGREEMENTS)[1]
    assert holders == ["Bahar", "Bahar Trading"]
    # What the installation agreed to by itself is logged nowhere; what these two signed is.
    assert [each.split(" from ")[0] for each in logged.examples] == [
        "agreement of bahar, version 1"
    ]
    ((who, body),) = bahar.letters(ACCOUNT_TOPIC)
    assert (who, new not in body) == (PEOPLE, True)
    assert f"paid to the account that ends in {new[-4:]}, held by Bahar Trading" in body
