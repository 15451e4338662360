"""The daily housekeeping: what is old goes, what is not stays, and nobody can hurry it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config import housekeeping
from config.handlers import HANDLERS, KEEP_HOUSE
from config.housekeeping import HouseNotKeptError, keep_house
from config.queues import NIGHT, queue
from config.schedule import ask_housekeeping
from network.batches.models import Batch
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ids import uuid7
from network.ledger.forget import Forgotten, forget_requests
from network.ledger.partitions import open_first_day
from network.ledger.values import Claim
from network.members.enrolment import enrol
from network.merchants import answers
from network.merchants.models import KeptAnswer
from network.merchants.nonces import claim_nonce, forget_nonces
from network.merchants.service import register_merchant
from network.messaging.service import queue_sms
from network.services import Services
from network.settings import PROGRAMME_ZONE
from network.spend_requests.models import SpendRequest

PLANT = text("""
    WITH keys AS (
        INSERT INTO ledger.idempotency
            (client_id, key, member_id, fingerprint, sequence, business_date, result)
        SELECT uuidv7(), 'key-' || age, uuidv7(), sha256(''), 1, CAST(:today AS date) - age, '{}'
        FROM unnest(CAST(:ages AS int[])) AS age
    )
    INSERT INTO ledger.used_code (member_id, digest, expires_at, sequence)
    SELECT uuidv7(), sha256(age::text::bytea), clock_timestamp() - age * interval '1 day', age
    FROM unnest(CAST(:ages AS int[])) AS age
""")
AGES = [0, 29, 30, 31, 32, 400]
KEPT_KEYS = ["key-0", "key-29", "key-30"]
KEPT_CODES = [0, 29]
"""A code of 30 days is older than 30 days a moment later; a key counts whole days."""


@pytest.fixture
def today(services: Services, owner_database: Database) -> date:
    """Open a day, leave requests of many ages behind, and return the day."""
    today = local_date(wall_now(), zone=PROGRAMME_ZONE)
    with services.database.unit_of_work() as session:
        open_first_day(session, business_date=today)
    with owner_database.unit_of_work() as session:
        session.execute(PLANT, {"today": today, "ages": AGES})
    return today


def left(services: Services) -> tuple[list[str], list[int]]:
    with services.database.reading() as session:
        keys = session.execute(
            text("SELECT key FROM ledger.idempotency ORDER BY business_date DESC")
        )
        codes = session.execute(text("SELECT sequence FROM ledger.used_code ORDER BY sequence"))
        return list(keys.scalars()), list(codes.scalars())


def test_requests_older_than_thirty_days_go(today: date, services: Services) -> None:
    keep_house(services)
    assert left(services) == (KEPT_KEYS, KEPT_CODES)
    keep_house(services)
    assert left(services) == (KEPT_KEYS, KEPT_CODES)


def test_a_call_goes_through_some_pages(
    today: date, services: Services, owner_database: Database
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(PLANT, {"today": today, "ages": [400] * 200})
    calls: list[Forgotten] = []
    with services.database.ledger() as connection:
        while not calls or calls[-1].next_page is not None:
            page = calls[-1].next_page if calls else 0
            calls.append(forget_requests(connection, page=page or 0, pages=1))
        assert [call.next_page for call in calls[:-1]] == list(range(1, len(calls)))
        assert sum(call.keys for call in calls) == 203
        assert sum(call.codes for call in calls) == 204
        assert 0 < calls[0].keys < 203
        for pages in (0, -1, 10_001):
            with pytest.raises(DBAPIError):
                forget_requests(connection, pages=pages)


def test_a_day_ahead_of_the_clock_frees_no_key(
    today: date, services: Services, owner_database: Database
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(text("UPDATE ledger.business_day SET business_date = business_date + 300"))
    keep_house(services)
    assert left(services)[0] == KEPT_KEYS


def test_before_the_first_day_there_is_nothing_to_forget(services: Services) -> None:
    keep_house(services)
    with services.database.ledger() as connection:
        assert forget_requests(connection) == Forgotten(keys=0, codes=0, next_page=None)


def test_messages_and_nonces_go_in_their_time(today: date, services: Services) -> None:
    wall = wall_now()
    with services.database.unit_of_work() as session:
        for age in (29, 31):
            queue_sms(
                session,
                services.vault,
                recipient="+989121234567",
                body="hello",
                kind="notice",
                locale="en",
                wall=wall - timedelta(days=age),
            )
        for minutes in (-5, 5):
            claim_nonce(
                session,
                key_id="mk_live_a",
                nonce=f"n{minutes}",
                expires_at=wall + timedelta(minutes=minutes),
            )
    keep_house(services)
    with services.database.reading() as session:
        counts = [
            session.execute(text(f"SELECT count(*) FROM network.{table}")).scalar_one()
            for table in ("message", "nonce")
        ]
    assert counts == [1, 1]


def test_answers_batches_and_what_was_asked_go_after_thirty_days(
    today: date, services: Services
) -> None:
    wall = wall_now()
    with services.database.unit_of_work() as session:
        merchant_id = register_merchant(
            session, code="shop", name_fa="فروشگاه", name_en="Shop", kind="grocer", now=wall
        )
        member_id = enrol(
            session,
            services.vault,
            phone="09121234567",
            consents=["membership"],
            locale="fa",
            name=None,
            now=wall,
        )
        for age in (29, 31):
            at = wall - timedelta(days=age)
            request: dict[str, Any] = {"merchant_id": merchant_id, "fingerprint": bytes(32)}
            claim = Claim(client_id=merchant_id, key=f"answer-{age}", fingerprint=bytes(32))
            answers.keep(session, claim=claim, status=201, answer={}, now=at)
            session.add(
                Batch(
                    **request,
                    batch_id=uuid7(),
                    idempotency_key=f"batch-{age}",
                    key_id="mk_live_x",
                    lines=1,
                    state="done",
                    received_at=at,
                    programme_at=at,
                    touched_at=at,
                    finished_at=at,
                    persons_sealed=True,
                )
            )
            session.add(
                SpendRequest(
                    **request,
                    spend_request_id=uuid7(),
                    member_id=member_id,
                    merchant_ref=f"asked-{age}",
                    capture="auto",
                    points=1,
                    needs_code=False,
                    idempotency_key=f"asked-{age}",
                    digest=bytes(32),
                    attempts=0,
                    requested_at=at - timedelta(minutes=5),
                    expires_at=at,
                    state="waiting",
                )
            )
    keep_house(services)
    with services.database.reading() as session:
        kept = [
            session.scalars(select(key)).all()
            for key in (KeptAnswer.key, Batch.idempotency_key, SpendRequest.merchant_ref)
        ]
    assert kept == [["answer-29"], ["batch-29"], ["asked-29"]]


SIGN_INS = text("""
    WITH ages AS (
        SELECT uuidv7() AS id, sha256(age::text::bytea) AS digest, age * interval '1 day' AS age
        FROM unnest(CAST(:ages AS int[])) AS age
    ), operator AS (
        INSERT INTO network.operator (operator_id, email, name, role, status, password_hash,
                                      sealed_totp, totp_step, created_at)
        VALUES (uuidv7(), 'lena@example.org', 'Lena', 'viewer', 'active', 'x', '', 0, now())
        RETURNING operator_id
    ), merchant AS (
        INSERT INTO network.merchant (merchant_id, code, name_fa, name_en, kind, status, joined_at)
        VALUES (uuidv7(), 'green', 'سبز', 'Green', 'grocery', 'active', now())
        RETURNING merchant_id
    ), person AS (
        INSERT INTO network.portal_user (user_id, merchant_id, login, name, role, status,
                                         password_hash, totp_step, pin_misses, created_at)
        SELECT uuidv7(), merchant_id, 'sara@green', 'Sara', 'cashier', 'active', 'x', 0, 0, now()
        FROM merchant RETURNING user_id
    ), clerks AS (
        INSERT INTO network.portal_session (session_id, user_id, token_digest, created_at, seen_at,
                                            expires_at, user_agent, address)
        SELECT id, user_id, digest, now() - age, now() - age, now() - age + interval '12 hours',
               'Firefox', '192.0.2.1'
        FROM person, ages
    )
    INSERT INTO network.operator_session (session_id, operator_id, token_digest, created_at,
                                          seen_at, expires_at, user_agent, address)
    SELECT id, operator_id, digest, now() - age, now() - age, now() - age + interval '12 hours',
           'Firefox', '192.0.2.1'
    FROM operator, ages
""")
OPERATORS = text("SELECT count(*) FROM network.operator_session")
PLACES = text("SELECT user_agent || address FROM network.portal_session ORDER BY created_at DESC")


@pytest.mark.parametrize(("ages", "left"), [([0, 20, 40, 50], 2), ([40, 50], 1)])
def test_ended_sign_ins_go_but_what_evidence_and_last_seen_need(
    ages: list[int], left: int, services: Services, owner_database: Database
) -> None:
    with owner_database.unit_of_work() as session:
        session.execute(SIGN_INS, {"ages": ages})
    keep_house(services)
    with services.database.reading() as session:
        assert session.execute(OPERATORS).scalar_one() == left
        places = session.execute(PLACES).scalars().all()
    assert places == ["Firefox192.0.2.1" if age < 30 else "" for age in ages]


def test_a_kind_that_fails_stops_no_other_and_goes_by_pieces(
    today: date,
    services: Services,
    owner_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(housekeeping, "PIECE", 2)
    wall = wall_now()
    with services.database.unit_of_work() as session:
        for number in range(5):
            claim_nonce(session, key_id="mk_live_a", nonce=f"n{number}", expires_at=wall)
    nonces = text("SELECT count(*) FROM network.nonce")
    with owner_database.unit_of_work() as session:
        session.execute(text("REVOKE DELETE ON network.nonce FROM peyvand_app"))
    with pytest.raises(HouseNotKeptError, match=r"nonces$"):
        keep_house(services)
    assert left(services) == (KEPT_KEYS, KEPT_CODES)  # the steps after it were taken
    with owner_database.unit_of_work() as session:
        assert session.execute(nonces).scalar_one() == 5
        session.execute(text("GRANT DELETE ON network.nonce TO peyvand_app"))
    with services.database.unit_of_work() as session:
        assert forget_nonces(session, wall=wall_now(), limit=2) == 2
    keep_house(services)
    with services.database.reading() as session:
        assert session.execute(nonces).scalar_one() == 0


def test_no_error_of_a_kind_stops_the_others(
    today: date, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(session: Session, **given: object) -> int:
        raise RecursionError

    monkeypatch.setattr(housekeeping, "forget_codes", broken)
    with pytest.raises(HouseNotKeptError, match=r"sign_in_codes$"):
        keep_house(services)
    assert left(services) == (KEPT_KEYS, KEPT_CODES)  # the steps after it were taken


def test_the_schedule_asks_once_a_day(redis_client: redis.Redis) -> None:
    day = date(2026, 3, 5)
    nights = queue(NIGHT, connection=redis_client)
    kept = ask_housekeeping(redis_client, today=day, kept=None)
    assert ask_housekeeping(redis_client, today=day, kept=kept) == day
    assert ask_housekeeping(redis_client, today=day, kept=None) == day  # a second schedule
    assert [job.args for job in nights.jobs] == [[KEEP_HOUSE, {}]]
    ask_housekeeping(redis_client, today=day + timedelta(days=1), kept=kept)
    assert nights.count == 2
    assert HANDLERS[KEEP_HOUSE].load() is keep_house
