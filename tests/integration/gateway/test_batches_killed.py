"""Workers of batches that are killed: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
import redis
from sqlalchemy import text

from config.queues import BATCHES
from config.schedule import LEFT_ALONE, ask_batches
from network import ids
from network.clock import wall_now
from network.ledger import queries
from tests.fixtures.forge import ROOT
from tests.integration.gateway import house as houses
from tests.integration.gateway.batching import (
    PATH,
    earn_line,
    hand_on,
    refund_line,
    results,
    send_batch,
)
from tests.integration.gateway.campaigning import run, taken
from tests.integration.gateway.house import House
from tests.integration.gateway.till import ask
from tests.integration.services.helpers import wait_for

PATIENCE_SECONDS = 120.0
LINES, PEOPLE = 2_060, 12
TEA = range(1_840, 2_000)
"""Lines that a campaign adds ten points to, until its budget ends after 120 of them."""

BUDGET, GIVEN = 1_205, 1_200
_GIVEN = text(
    "SELECT (SELECT sum(points) FROM ledger.campaign_taking WHERE campaign_id = :campaign), "
    "(SELECT sum(granted) FROM ledger.lot WHERE campaign_id = :campaign)"
)
_SEALED = text("SELECT persons_sealed FROM network.batch WHERE batch_id = :b")
_DONE = text("SELECT posted + known + refused, state FROM network.batch WHERE batch_id = :b")


@contextmanager
def worker(house: House, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker of batches as ``peyvand up`` does."""
    environment = houses.environment_of(house.services)
    process = subprocess.Popen(
        [sys.executable, "-m", "config.parts", "worker", BATCHES],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=30)


def await_lines(house: House, batch_id: UUID, *, at_least: int) -> int:
    """Wait until so many lines have their result; return how many have."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with house.services.database.reading() as session:
            count, state = session.execute(_DONE, {"b": batch_id}).one()
        if count >= at_least and (at_least < LINES or state == "done"):
            return int(count)
        time.sleep(0.002)
    raise TimeoutError(f"{at_least} lines were not done in {PATIENCE_SECONDS} s")


def is_sealed(house: House, batch_id: UUID) -> bool:
    """Return whether a batch's body opens with the keys of whom it names."""
    with house.services.database.reading() as session:
        return bool(session.execute(_SEALED, {"b": batch_id}).scalar_one())


def bought(phone: str, number: int) -> dict[str, Any]:
    """Return the line of a purchase, of tea where the campaign is."""
    amount = 10_000 * (1 + number % 7)
    tea = {"lines": [{"category": "Tea", "amount": amount}]} if number in TEA else {}
    return earn_line(phone, amount, **tea)


@pytest.mark.parametrize("kills", [(1, 1_870, 2_010)])
def test_killed_workers_lose_nothing_and_double_nothing(
    house: House, redis_url: str, running: list[UUID], kills: tuple[int, ...]
) -> None:
    """The first dies in a chunk, the second among groups in a campaign, the last in refunds."""
    campaign_id = run(house, running, "tea", 10, categories=("Tea",), budget=BUDGET)
    people = [house.member() for _ in range(PEOPLE)]
    lines = [bought(people[n % PEOPLE].phone, n) for n in range(LINES - 60)]
    lines += [refund_line(people[n % PEOPLE].phone, lines[n], amount=10_000) for n in range(60)]
    expected = [0] * PEOPLE
    for n, line in enumerate(lines[:-60]):
        expected[n % PEOPLE] += line["amount"] // 10_000
    for n in range(60):
        expected[n % PEOPLE] -= 1
    answer = send_batch(house, house.green, lines)
    assert answer.status_code == 202, answer.text
    identifier = ids.decode("bat", answer.json()["id"])
    hand_on(house, redis_url)
    counts = []
    with redis.Redis.from_url(redis_url) as connection:
        for number, most in enumerate(kills, 1):
            with worker(house, redis_url) as process:
                counts.append(await_lines(house, identifier, at_least=most))
                process.send_signal(signal.SIGKILL)
                process.wait(timeout=30)
            later = wall_now() + (number + 1) * LEFT_ALONE
            assert ask_batches(house.services, connection, wall=later) == [identifier]
        with worker(house, redis_url):
            await_lines(house, identifier, at_least=LINES)
            wait_for(lambda: is_sealed(house, identifier))
    assert counts == sorted(counts)
    assert counts[0] < LINES
    status = ask(house, house.green, method="GET", target=f"{PATH}/{answer.json()['id']}").json()
    assert (status["state"], status["posted"], status["refused"]) == ("done", LINES, 0)
    found = results(house, house.green, answer.json()["id"])
    assert [each["line"] for each in found] == list(range(1, LINES + 1))
    assert len({each["id"] for each in found}) == LINES
    for n in TEA:
        extra = found[n]["points"] - lines[n]["amount"] // 10_000
        assert extra in {0, 10}
        expected[n % PEOPLE] += extra
    assert taken(house, campaign_id) == GIVEN
    with house.services.database.reading() as session:
        for person, points in zip(people, expected, strict=True):
            view = queries.stored_wallet(session, member_id=person.member_id)
            assert view is not None
            assert view.available == points
        given = session.execute(_GIVEN, {"campaign": campaign_id}).one()
        linked = session.execute(
            text("SELECT sum(cardinality(lines)) FROM network.batch_entries WHERE batch_id = :b"),
            {"b": identifier},
        ).scalar_one()
    assert linked == LINES
    assert given == (GIVEN, GIVEN)
