"""``peyvand doctor`` inside the database and the queue: a good day is quiet, a bad one is named."""

from __future__ import annotations

from datetime import date

import pytest
import redis
from sqlalchemy import text

from config.doctor_queue import queues
from config.doctor_work import work
from config.preparation import prepare_installation
from config.queues import BATCHES, queue
from network.clock import wall_now
from network.database.connection import Database
from network.services import Services

MERCHANT = "00000000-0000-0000-0000-0000000000c1"
FAULTS = {
    "nights": "INSERT INTO network.settlement_run (run_id, business_date, run_key, version, state,"
    " step, claim, started_by, finished_at, error_code, error) VALUES (gen_random_uuid(),"
    " '2026-01-02', 'k', 1, 'stopped', 'net', gen_random_uuid(), 'x', now(), 'totals_differ', 'x')",
    "seals": "INSERT INTO ledger.business_day SELECT '2026-01-01', t, t, t FROM (SELECT"
    " timestamptz '2026-01-01' AS t) AS d",
    "batches": "INSERT INTO network.batch (batch_id, merchant_id, idempotency_key, fingerprint,"
    " key_id, lines, state, received_at, programme_at, touched_at) SELECT gen_random_uuid(),"
    f" '{MERCHANT}', 'a', 'x', 'k', 1, 'working', t, t, t FROM (SELECT now() - interval '1 hour'"
    " AS t) AS d",
    "batch bodies": "INSERT INTO network.batch (batch_id, merchant_id, idempotency_key,"
    " fingerprint, key_id, lines, state, received_at, programme_at, touched_at, finished_at)"
    f" SELECT gen_random_uuid(), '{MERCHANT}', 'b', 'x', 'k', 1, 'done', t, t, t, t FROM (SELECT"
    " now() - interval '2 days' AS t) AS d",
    "messages": "INSERT INTO network.message (message_id, channel, kind, sealed_recipient,"
    " sealed_body, recipient_index, locale, state, attempts, created_at, retry_at) VALUES"
    " (gen_random_uuid(), 'sms', 'redeemed', 'x', 'x', 'x', 'fa', 'failed', 10,"
    " now() - interval '1 hour', now())",
    "signing keys": "UPDATE network.signing_key SET retired_at = now() WHERE purpose = 'seals'",
    "partitions": "DROP TABLE ledger.evidence_tomorrow",
    "day": "UPDATE ledger.business_day SET business_date = business_date - 3"
    " WHERE flipped_at IS NULL",
}


@pytest.fixture
def ready(services: Services, owner_database: Database) -> Services:
    """Return an installation that has been prepared, with a merchant."""
    prepare_installation(services, wall=wall_now())
    with owner_database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO network.merchant (merchant_id, code, name_fa, name_en, kind, status,"
                f" joined_at) VALUES ('{MERCHANT}', 'shop', 'x', 'x', 'shop', 'active', now())"
            )
        )
    return services


def test_a_good_day_is_quiet_and_what_is_wrong_is_named(
    ready: Services, owner_database: Database
) -> None:
    assert [each for each in work(ready) if not each.ok] == []
    with ready.database.reading() as session:
        tomorrow: date = session.execute(
            text("SELECT business_date + 1 FROM ledger.business_day")
        ).scalar_one()
    wrong: set[str] = set()
    for check, statement in FAULTS.items():
        with owner_database.unit_of_work() as session:
            session.execute(text(statement.replace("tomorrow", f"{tomorrow:%Y_%m_%d}")))
        found = {each.check: each for each in work(ready)}
        wrong.add(check)
        assert not found[check].ok, found[check]
        assert found[check].advice
        assert {name for name, each in found.items() if not each.ok} <= wrong


def test_jobs_that_nobody_works_on_are_named(redis_client: redis.Redis) -> None:
    assert [each.ok for each in queues(redis_client)] == [True, True]
    queue(BATCHES, connection=redis_client).enqueue("config.jobs.nothing")
    workers, _failed = queues(redis_client)
    assert (workers.ok, workers.found) == (False, "jobs wait and nobody works on: batches (1)")
