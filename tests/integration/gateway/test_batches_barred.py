"""Batches: no line stops a worker, and a key or a merchant that is stopped posts no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from merchant_gateway.batches import apart
from merchant_gateway.batches import lines as batch_lines
from merchant_gateway.batches import work as batch_work
from merchant_gateway.batches.bench import bench_of
from merchant_gateway.batches.groups import Pace
from merchant_gateway.batches.reading import read_line
from merchant_gateway.batches.stuck import unexpected
from merchant_gateway.errors import InternalError
from merchant_gateway.signing import Ed25519SigningKey
from network import ids
from network.batches import queries
from network.clock import wall_now
from network.errors import UnavailableError
from network.ids import uuid7
from network.merchants import queries as merchant_queries
from network.merchants import service as merchants
from network.merchants.keys import register_key, revoke_key
from tests.integration.gateway.batching import (
    JSONL,
    PATH,
    done,
    earn_line,
    refund_line,
    results,
    send_batch,
    work,
)
from tests.integration.gateway.house import House
from tests.integration.gateway.till import headers_of, send


def test_no_line_stops_the_worker(house: House) -> None:
    person = house.member()
    first_day, last_day = "0001-01-01T00:00:00+03:30", "9999-12-31T23:59:59-03:30"
    lines: list[tuple[dict[str, Any] | bytes, str | None]] = [
        (b'{"type": "earn", "merchant_ref": "\\u0000"}', "invalid_request"),
        (b'{"type": "earn", "merchant_ref": "\\ud800"}', "invalid_request"),
        (b'{"type": "earn", "a\\u0000": 1}', "invalid_request"),
        (b'{"type": "earn", "\\udfff": 1}', "invalid_request"),
        (b'{"\\u0000": 1, "\\u0000": 2}', "invalid_request"),
        (b'{"type": "earn", "' + b"x" * 10_000 + b'": 1}', "invalid_request"),
        (earn_line(person.phone, channel=["online"]), "invalid_request"),
        (earn_line(person.phone, occurred_at=first_day), "invalid_request"),
        (earn_line(person.phone, occurred_at=last_day), "invalid_request"),
        (earn_line(person.phone), None),
    ]
    found = done(house, house.green, [line for line, _ in lines])
    problems = [each["problem"]["code"] if "problem" in each else None for each in found]
    assert problems == [code for _, code in lines]
    assert [each["merchant_ref"] for each in found[:2]] == ["\ufffd", "\ufffd"]
    assert "/a\ufffd" in [each["pointer"] for each in found[2]["problem"]["errors"]]
    assert max(len(each["pointer"]) for each in found[5]["problem"]["errors"]) == 200
    assert found[7]["problem"]["errors"][0]["code"] == "too_long_ago"
    assert found[8]["problem"]["errors"][0]["code"] == "in_the_future"


_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@contextmanager
def _suspended(house: House) -> Iterator[None]:
    merchant_id = house.green.merchant_id
    with house.services.database.unit_of_work() as session:
        merchants.suspend(session, merchant_id=merchant_id)
    try:
        yield
    finally:
        with house.services.database.unit_of_work() as session:
            merchants.resume(session, merchant_id=merchant_id)


def test_a_suspended_merchants_batch_waits_for_its_return(house: House) -> None:
    person = house.member()
    line = earn_line(person.phone)
    batch_id = send_batch(house, house.green, [line]).json()["id"]
    with _suspended(house):
        work(house, batch_id)
    refused = results(house, house.green, batch_id)[0]
    assert (refused["status"], refused["problem"]["code"]) == ("refused", "merchant_suspended")
    assert done(house, house.green, [line])[0]["status"] == "posted"


@pytest.mark.parametrize("alone", [False, True])
def test_what_was_priced_before_a_suspension_is_not_posted_after_it(
    house: House, *, alone: bool
) -> None:
    person = house.member()
    line = earn_line(person.phone) | ({"member": person.code()} if alone else {})
    batch_id = send_batch(house, house.green, [line]).json()["id"]
    bench = bench_of(house.services)
    with house.services.database.reading() as session:
        batch = queries.batch(session, batch_id=ids.decode("bat", batch_id))
    ready = batch_work._prepare(bench, batch, after=-1)
    assert ready is not None
    assert (ready.lines[0].earning is None) is alone
    with _suspended(house):
        assert batch_work._work_off(bench, batch, ready, pace=Pace())
    refused = results(house, house.green, batch_id)[0]
    assert (refused["status"], refused["problem"]["code"]) == ("refused", "merchant_suspended")
    assert done(house, house.green, [earn_line(person.phone)])[0]["status"] == "posted"


def test_a_suspension_waits_for_what_is_being_posted(house: House) -> None:
    database, seen = house.services.database, threading.Event()
    merchant_id = house.green.merchant_id

    def suspend() -> None:
        with database.unit_of_work() as session:
            merchants.suspend(session, merchant_id=merchant_id)
        seen.set()

    try:
        with database.unit_of_work() as session, ThreadPoolExecutor(1) as pool:
            held = merchant_queries.held_key(session, key_id=house.green.key_id)
            assert held is not None
            suspending = pool.submit(suspend)
            while not session.scalar(_WAITING):
                pass
            assert not seen.is_set()
            session.commit()
            suspending.result(timeout=20)
    finally:
        with database.unit_of_work() as session:
            merchants.resume(session, merchant_id=merchant_id)


def test_a_revoked_key_posts_no_more(house: House) -> None:
    person, key = house.member(), Ed25519SigningKey.generate()
    with house.services.database.unit_of_work() as session:
        key_id = register_key(
            session,
            house.services.vault,
            merchant_id=house.green.merchant_id,
            environment="live",
            public_key=key.verifying_key().to_raw(),
            now=wall_now(),
        ).key_id
    answer = send_batch(house, house.green, [earn_line(person.phone)], key=key, key_id=key_id)
    with house.services.database.unit_of_work() as session:
        revoke_key(session, merchant_id=house.green.merchant_id, key_id=key_id, now=wall_now())
    work(house, answer.json()["id"])
    refused = results(house, house.green, answer.json()["id"])[0]
    assert (refused["status"], refused["problem"]["code"]) == ("refused", "key_revoked")


def test_a_merchant_that_left_refunds_and_gives_no_more(house: House) -> None:
    person, today = house.member(), house.today()
    bought = earn_line(person.phone, 50_000)
    assert done(house, house.blue, [bought])[0]["status"] == "posted"
    lines = [refund_line(person.phone, bought, amount=10_000), earn_line(person.phone)]
    batch_id = send_batch(house, house.blue, lines).json()["id"]
    with house.services.database.unit_of_work() as session:
        merchants.begin_exit(
            session, merchant_id=house.blue.merchant_id, leaves_on=today, today=today
        )
    work(house, batch_id)
    found = results(house, house.blue, batch_id)
    assert [each["status"] for each in found] == ["posted", "refused"]
    assert found[1]["problem"]["code"] == "merchant_leaving"


def test_only_a_live_key_sends_much(house: House) -> None:
    key = Ed25519SigningKey.generate()
    with house.services.database.unit_of_work() as session:
        key_id = register_key(
            session,
            house.services.vault,
            merchant_id=house.green.merchant_id,
            environment="test",
            public_key=key.verifying_key().to_raw(),
            now=wall_now(),
        ).key_id
    for size, status, code in ((65_537, 413, "body_too_large"), (100, 503, "sandbox_unavailable")):
        body = b"x" * size
        headers, _ = headers_of(
            house, house.green, method="POST", target=PATH, body=body,
            media_type=JSONL, key=key, key_id=key_id,
        )  # fmt: skip
        answer = send(house, method="POST", target=PATH, headers=headers, body=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_failure_nobody_foresaw_is_its_lines_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = house.member()
    bought = earn_line(person.phone, 50_000)
    lines = [
        bought,
        refund_line(person.phone, bought, amount=10_000),
        earn_line(person.phone, receipt="unreadable"),
        earn_line(person.phone, 70_000),
    ]
    batch_id = send_batch(house, house.green, lines).json()["id"]
    failures: list[Exception] = [UnavailableError("away"), ZeroDivisionError()]

    def refund(*_: object) -> None:
        raise failures.pop(0)

    def read(raw: bytes) -> dict[str, Any]:
        if b"unreadable" in raw:
            raise OverflowError
        return read_line(raw)

    monkeypatch.setitem(apart._POSTS, "refund_earn", refund)
    monkeypatch.setattr(batch_lines, "read_line", read)
    with pytest.raises(UnavailableError):
        work(house, batch_id)
    work(house, batch_id)
    found = results(house, house.green, batch_id)
    assert [each["status"] for each in found] == ["posted", "refused", "refused", "posted"]
    assert [each["problem"]["code"] for each in found[1:3]] == ["internal_error"] * 2
    assert failures == []


def _with_nul(session: Session) -> None:
    session.execute(text("SELECT CAST(:given AS jsonb)"), {"given": '"\\u0000"'})


def _locked_out(session: Session) -> None:
    session.execute(text("SET LOCAL statement_timeout = 1"))
    session.execute(text("SELECT pg_sleep(1)"))


@pytest.mark.parametrize(("run", "passes"), [(_with_nul, False), (_locked_out, True)])
def test_what_may_succeed_later_is_tried_again(
    house: House, run: Callable[[Session], None], *, passes: bool
) -> None:
    with (
        pytest.raises((DBAPIError, UnavailableError)) as met,
        house.services.database.reading() as session,
    ):
        run(session)
    if passes:
        with pytest.raises((OperationalError, UnavailableError)):
            unexpected(met.value, batch_id=uuid7(), line=1)
    else:
        assert isinstance(unexpected(met.value, batch_id=uuid7(), line=1), InternalError)
