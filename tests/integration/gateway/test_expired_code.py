"""Time runs out between two calls: of a code, and of points that are held.

A retry with a code that ran out still gets the answer it missed.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from sqlalchemy import text

from merchant_gateway.client.bodies import new_idempotency_key
from merchant_gateway.client.messages import Answer
from network.database.connection import Database
from network.ledger import operations
from network.ledger.values import Claim, Event
from network.services import Services
from tests.fixtures.locks import await_waiters
from tests.integration.gateway import ahead
from tests.integration.gateway.house import House, open_house, utc_now
from tests.integration.gateway.till import headers_of, send

BEYOND = timedelta(seconds=150)
"""A code counts as consent for two minutes at most; a signature lives longer than that."""

LATE = timedelta(hours=25)
"""Points that are held for 15 minutes may be captured for 24 hours more."""


@dataclass(kw_only=True)
class Till:
    """Asks the gateway whose clock runs with its own, both of which may be moved."""

    house: House
    file: Path
    moved: timedelta = timedelta(0)

    def wait(self, time: timedelta) -> None:
        """Move both clocks on."""
        self.moved += time
        self.file.write_text(str(self.moved.total_seconds()), encoding="ascii")

    def ask(self, target: str, key: str, body: dict[str, Any]) -> requests.Response:
        """Sign by the moved clock and send."""
        content = json.dumps(body).encode()
        headers, _ = headers_of(
            self.house,
            self.house.green,
            method="POST",
            target=target,
            body=content,
            idempotency_key=key,
            ago=-self.moved,
        )
        return send(self.house, method="POST", target=target, headers=headers, body=content)


@pytest.fixture(scope="module")
def moved_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that says how far the gateway's clock is ahead."""
    file = tmp_path_factory.mktemp("clock") / "ahead"
    file.write_text("0", encoding="ascii")
    return file


@pytest.fixture(scope="module")
def house(gateway_services: Services, moved_file: Path) -> Iterator[House]:
    """Yield the coalition behind a gateway whose clock the tests move."""
    clock = {ahead.FILE: str(moved_file)}
    with open_house(gateway_services, module=ahead.__name__, environment=clock) as house:
        yield house


@pytest.fixture
def till(house: House, moved_file: Path) -> Till:
    """Return a till at the present time."""
    moved_file.write_text("0", encoding="ascii")
    return Till(house=house, file=moved_file)


def redemption(ref: str, member: dict[str, str]) -> dict[str, Any]:
    return {"member": member, "merchant_ref": ref, "points": 30, "capture": "auto"}


def purchase(ref: str, member: dict[str, str]) -> dict[str, Any]:
    return {"member": member, "merchant_ref": ref, "amount": 200_000, "currency": "IRR"}


def refund(ref: str, _member: dict[str, str]) -> dict[str, Any]:
    return {"merchant_ref": ref, "amount": 100_000, "currency": "IRR"}


def hold(ref: str, _member: dict[str, str]) -> dict[str, Any]:
    return {"merchant_ref": ref}


@dataclass(frozen=True, slots=True)
class Done:
    """A call that was answered, to be sent again."""

    target: str
    key: str
    body: dict[str, Any]
    answer: requests.Response

    def again(self, till: Till) -> None:
        """Send it once more, and hold that the same bytes come."""
        answer = till.ask(self.target, self.key, self.body)
        assert (answer.status_code, answer.content) == (
            self.answer.status_code,
            self.answer.content,
        ), (self.target, answer.text)
        assert answer.headers["Idempotent-Replayed"] == "true"


def do(till: Till, target: str, body: dict[str, Any]) -> Done:
    """Do what succeeds."""
    key, dated = new_idempotency_key(), body | {"occurred_at": utc_now().isoformat()}
    answer = till.ask(target, key, dated)
    assert answer.status_code in {200, 201}, (target, answer.text)
    assert "Idempotent-Replayed" not in answer.headers
    return Done(target, key, dated, answer)


def test_a_retry_gets_its_answer_whatever_ran_out_meanwhile(till: Till) -> None:
    person = till.house.member(points=100)
    code, unused = person.code(), person.code()
    spends = do(till, "/v1/redemptions", redemption("r-1", code))
    earns = do(till, "/v1/earnings", purchase("e-1", person.code()))
    held = [
        do(till, "/v1/redemptions", redemption(ref, person.code()) | {"capture": "manual"})
        for ref in ("h-1", "h-2")
    ]
    captured, voided = (f"/v1/redemptions/{each.answer.json()['id']}" for each in held)
    spent, bought = (each.answer.json()["id"] for each in (spends, earns))
    done = [
        spends,
        earns,
        *held,
        do(till, f"{captured}/capture", hold("c-1", code)),
        do(till, f"{voided}/void", hold("v-1", code)),
        do(till, f"/v1/redemptions/{spent}/refunds", {"merchant_ref": "b-1", "points": 7}),
        do(till, f"/v1/earnings/{bought}/refunds", refund("b-2", code)),
    ]

    till.wait(BEYOND)
    for each in (spends, earns):
        each.again(till)
        # The code itself has run out: neither it nor one that was never used does anything new.
        anew = [
            till.ask(
                each.target,
                new_idempotency_key(),
                each.body | {"merchant_ref": f"n-{number}", "member": member},
            )
            for number, member in enumerate((each.body["member"], unused))
        ]
        assert all(late.status_code in {409, 422} for late in anew), [late.text for late in anew]
        assert anew[0].json()["code"] in {"code_expired", "code_used"}
        assert anew[1].json()["code"] == "code_expired"

    till.wait(timedelta(days=2))
    late = till.ask(spends.target, new_idempotency_key(), spends.body | {"merchant_ref": "n-2"})
    assert late.json()["code"] == "invalid_code"  # it leads to nobody any more
    spends.again(till)
    earns.again(till)

    till.wait(timedelta(days=29))
    for each in done:
        late = till.ask(each.target, new_idempotency_key(), each.body)
        assert late.json()["errors"][0]["code"] == "too_long_ago", late.text
        each.again(till)


def test_a_hold_that_ran_out_a_day_ago_is_not_captured(till: Till) -> None:
    person = till.house.member(points=100)
    asked = redemption("held", person.code()) | {"occurred_at": utc_now().isoformat()}
    held = till.ask("/v1/redemptions", new_idempotency_key(), asked | {"capture": "manual"})
    assert held.status_code == 201, held.text
    till.wait(LATE)
    target = f"/v1/redemptions/{held.json()['id']}/capture"
    refused = till.ask(target, new_idempotency_key(), {"occurred_at": utc_now().isoformat()})
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_expired"), refused.text
    assert "Retry-After" not in refused.headers


WAITS = text(
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event_type = 'Lock'"
)


def test_a_code_that_ran_out_while_the_first_attempt_waits_for_the_wallet(till: Till) -> None:
    """What the first comes to isn't known: the retry is told so, and gets the answer afterwards."""
    person, key = till.house.member(points=100), new_idempotency_key()
    body = redemption("w-1", person.code()) | {"occurred_at": utc_now().isoformat()}
    database = till.house.services.database
    with ThreadPoolExecutor(1) as pool:
        with database.unit_of_work() as session:
            operations.set_wallet_status(session, member_id=person.member_id, status="active")
            first = pool.submit(till.ask, "/v1/redemptions", key, body)
            await_waiters(database)
            till.wait(timedelta(days=31))  # the code, the day it was bought on: nothing is good now
            early = till.ask("/v1/redemptions", key, body)
        assert (early.status_code, early.json()["code"]) == (409, "request_in_progress")
        assert early.headers["Retry-After"] == "1"
        assert first.result().status_code == 201, first.result().text
    Done("/v1/redemptions", key, body, first.result()).again(till)


@contextmanager
def overtaken(house: House, member_id: UUID, send: Callable[[], Any]) -> Iterator[tuple[Any, int]]:
    """Yield a first attempt that sleeps past its turn, the wallet at 70 points, and its process."""
    database, now = house.services.database, utc_now()
    with ThreadPoolExecutor(1) as pool:
        with database.unit_of_work() as session:
            operations.redeem(
                session,
                now=now,
                wall=now,
                claim=Claim(
                    client_id=house.blue.merchant_id, key=member_id.hex, fingerprint=b"other"
                ),
                member_id=member_id,
                event=Event(
                    merchant_id=house.blue.merchant_id,
                    merchant_ref=member_id.hex,
                    effective_at=now,
                ),
                points=30,
                consent=None,
                evidence=None,
            )
            first = pool.submit(send)
            await_waiters(database)
            sleeper: int = session.execute(WAITS).scalar_one()
            os.kill(sleeper, signal.SIGSTOP)
        try:
            yield first, sleeper
        finally:
            os.kill(sleeper, signal.SIGCONT)


def test_a_retry_that_overtakes_its_first_attempt_at_the_wallet(till: Till) -> None:
    """The first sleeps past its turn, and finds points that the retry did not find."""
    house = till.house
    person, key = house.member(points=100), new_idempotency_key()
    body = redemption("o-1", person.code()) | {"occurred_at": utc_now().isoformat(), "points": 80}

    def send_it() -> requests.Response:
        return till.ask("/v1/redemptions", key, body)

    with overtaken(house, person.member_id, send_it) as (first, _):
        early = send_it()
        other = redemption("o-2", person.code()) | {"points": 80}
        house.green.client.earn(
            member={"phone": person.phone}, merchant_ref="second", amount=500_000
        )
    assert first.result().status_code == 201, first.result().text
    assert (early.status_code, early.json()["code"]) == (409, "request_in_progress"), early.text
    Done("/v1/redemptions", key, body, first.result()).again(till)
    # With nobody before it a call is told at once what it is refused for.
    late = till.ask("/v1/redemptions", new_idempotency_key(), other)
    assert late.json()["code"] == "insufficient_points"


def test_the_client_asks_again_while_its_first_attempt_is_under_way(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second attempt is told that, and the third gets what the first came to."""
    house = till.house
    person, key, now = house.member(points=100), new_idempotency_key(), utc_now()
    code, told = person.code(), []

    def send_it() -> Answer:
        return house.green.client.redeem(
            member=code,
            merchant_ref="c-1",
            points=80,
            occurred_at=now,
            idempotency_key=key,
        )

    with overtaken(house, person.member_id, send_it) as (first, sleeper):

        def wake(seconds: float) -> None:
            told.append(seconds)
            house.green.client.earn(
                member={"phone": person.phone}, merchant_ref="third", amount=500_000
            )
            os.kill(sleeper, signal.SIGCONT)
            first.result()

        monkeypatch.setattr(house.green.client._transport, "_sleep", wake)
        again = send_it()
    assert len(told) == 1
    assert again.data == first.result().data


def test_a_vacuum_of_the_wallets_posts_nothing(till: Till, gateway_owner_url: str) -> None:
    """It holds a lock for as long as it takes, and no refusal waits for it."""
    body = redemption("v-1", till.house.member(points=100).code()) | {"points": 800}
    owner = Database(gateway_owner_url, pool_size=1)
    with owner.unit_of_work() as session:
        session.execute(text("LOCK TABLE ledger.wallet IN SHARE UPDATE EXCLUSIVE MODE"))
        answer = till.ask("/v1/redemptions", new_idempotency_key(), body)
    owner.dispose()
    assert answer.json()["code"] == "insufficient_points"
