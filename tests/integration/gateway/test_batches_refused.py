"""Batches that are refused whole: what they are like, and how many of a merchant may wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from network.batches.service import room_lock
from tests.fixtures.locks import await_waiters
from tests.integration.gateway.batching import JSONL, PATH, done, earn_line, send_batch, work
from tests.integration.gateway.house import House
from tests.integration.gateway.till import ask, headers_of, send


def test_what_is_wrong_with_a_whole_batch(house: House) -> None:
    person = house.member()
    good = earn_line(person.phone)
    empty = send_batch(house, house.green, [b"", b"  "])
    assert (empty.status_code, empty.json()["errors"][0]["code"]) == (422, "empty_list")
    many = send_batch(house, house.green, [b"{}"] * 10_001)
    hollow = send_batch(house, house.green, [b""] * 100_000 + [b"{}"])
    assert (hollow.status_code, hollow.json()["errors"][0]["code"]) == (422, "too_many")
    assert (many.status_code, many.json()["errors"][0]["code"]) == (422, "too_many")
    kind = send_batch(house, house.green, [good], media_type="application/json")
    assert (kind.status_code, kind.json()["code"]) == (415, "unsupported_media_type")
    body = b"x" * (8 * 1024 * 1024 + 1)
    headers, _ = headers_of(
        house, house.green, method="POST", target=PATH, body=body, media_type=JSONL
    )
    large = send(house, method="POST", target=PATH, headers=headers, body=body)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    strange = ask(house, house.green, method="GET", target=f"{PATH}/bat_aaaaaaaaaaaaaaaaaaaaaaaaaa")
    assert (strange.status_code, strange.json()["code"]) == (404, "unknown_batch")
    mine = send_batch(house, house.green, [good]).json()["id"]
    theirs = ask(house, house.blue, method="GET", target=f"{PATH}/{mine}")
    assert (theirs.status_code, theirs.json()["code"]) == (404, "unknown_batch")
    longest = earn_line(person.phone, receipt="x" * (64 * 1024))
    assert done(house, house.green, [longest])[0]["problem"]["code"] == "body_too_large"


def test_more_batches_than_may_wait_are_sent_later(house: House) -> None:
    waiting = []
    while True:
        answer = send_batch(house, house.blue, [b"{}"])
        if answer.status_code != 202:
            break
        waiting.append(answer.json()["id"])
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_batches")
    assert answer.json()["facts"] == {"most": len(waiting)}
    assert int(answer.headers["Retry-After"]) > 0
    # Two that come at the same moment for the one place that is free: one after the other.
    work(house, waiting.pop())
    services = house.services
    with ThreadPoolExecutor(max_workers=2) as pool:
        with services.database.unit_of_work() as session:
            session.execute(select(func.pg_advisory_xact_lock(room_lock(house.blue.merchant_id))))
            sent = [pool.submit(send_batch, house, house.blue, [b"{}"]) for _ in range(2)]
            await_waiters(services.database, count=2)
        answers = [each.result(60) for each in sent]
    assert sorted(each.status_code for each in answers) == [202, 429]
    waiting += [each.json()["id"] for each in answers if each.status_code == 202]
    for batch_id in waiting:
        work(house, batch_id)
    assert done(house, house.blue, [b"{}"])[0]["status"] == "refused"
