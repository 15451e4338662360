"""Valkey away, PostgreSQL away: slower or refused with a date to try again, never open."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql

from config.services.valkey import Valkey
from merchant_gateway.client import GatewayClient, ServerError
from network.ledger import operations, queries
from network.services import Services
from tests.fixtures.cluster import Cluster
from tests.fixtures.locks import await_waiters
from tests.fixtures.private_valkey import open_valkey
from tests.fixtures.wire import Wire
from tests.integration.gateway.house import (
    House,
    environment_of,
    listening,
    open_house,
    serving,
)
from tests.integration.gateway.till import ask, headers_of, published_keys, purchase, send

PATIENCE_SECONDS = 30.0
PING: dict[str, Any] = {"method": "GET", "target": "/v1/ping"}


@pytest.fixture(scope="module")
def private_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Yield a Valkey of this module's own, which its tests stop and start."""
    with open_valkey(tmp_path_factory.mktemp("v"), persistent=True) as server:
        yield server


@pytest.fixture(scope="module")
def house(gateway_services: Services, private_valkey: Valkey) -> Iterator[House]:
    """Yield the coalition behind a gateway on the private Valkey."""
    with open_house(gateway_services, environment={"REDIS_URL": private_valkey.url()}) as house:
        yield house


def test_without_postgresql_a_signed_503_and_then_all_is_well(
    house: House, cluster: Cluster, gateway_database: str
) -> None:
    person = house.member()
    key = secrets.token_urlsafe(18)
    body = purchase(person.phone, merchant_ref="no-postgres")
    hasty = GatewayClient(
        url=house.url,
        key_id=house.green.key_id,
        key=house.green.key,
        attempts=1,
        pinned_keys=published_keys(house.url),
    )
    with cluster.administrator() as administrator:
        _await_both_processes(administrator, gateway_database)
        _allow(administrator, gateway_database, allowed=False)
        try:
            response = ask(house, house.green, body=body, idempotency_key=key)
            assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
            assert int(response.headers["Retry-After"]) > 0
            with pytest.raises(ServerError):
                hasty.earn(member={"phone": person.phone}, merchant_ref="other", amount=1)
        finally:
            _allow(administrator, gateway_database, allowed=True)
    hasty.close()
    # Every connection of both processes and of this one was cut; no call that begins now meets it.
    first = ask(house, house.green, body=body, idempotency_key=key)
    again = [ask(house, house.green, body=body, idempotency_key=key) for _ in range(20)]
    assert first.status_code == 201
    assert {each.status_code for each in again} == {201}
    assert {each.headers["Idempotent-Replayed"] for each in again} == {"true"}
    assert {each.content for each in again} == {first.content}


def test_a_connection_that_valkey_closed_while_idle_is_opened_again(
    house: House, private_valkey: Valkey
) -> None:
    for _ in range(8):  # both processes have connections
        assert ask(house, house.green, **PING).status_code == 200
    signed = [headers_of(house, house.green, **PING)[0] for _ in range(8)]
    with redis.Redis.from_url(private_valkey.url()) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    seen = [send(house, **PING, headers=each) for each in signed]
    assert {each.status_code for each in seen} == {200}


def test_without_valkey_calls_go_on_and_replays_do_not(
    house: House, private_valkey: Valkey
) -> None:
    person = house.member(points=20)
    before = _accepted(house)
    private_valkey.stop()
    try:
        # The client signs again where no process has marked the loss yet.
        earned = house.green.client.earn(
            member={"phone": person.phone}, merchant_ref="no-valkey", amount=30_000
        )
        assert earned.data["points"] == 3
        spent = house.blue.client.redeem(member=person.code(), merchant_ref="no-valkey", points=5)
        assert spent.data["state"] == "captured"
        seen = send(house, **PING, headers=before)
        assert seen.json()["code"] == "sign_again"
        assert seen.json()["facts"]["created_from"] <= time.time()
        assert seen.headers["Retry-After"] == "1"
        alone = _accepted(house)
        assert _replays(house, alone) == {"nonce_replayed"}
    finally:
        private_valkey.start()
    # By whichever process: that asks Valkey again, that has not yet, that slept through all of it.
    assert _replays(house, alone) == {"nonce_replayed"}
    assert house.green.client.ping().status == 200


def test_a_process_whose_line_alone_is_cut_and_the_others_know_of_each_other(
    house: House, private_valkey: Valkey
) -> None:
    wire = Wire(str(private_valkey.socket))
    own = {"REDIS_URL": f"redis://:{private_valkey.password}@127.0.0.1:{wire.port}/0"}
    whole = {**environment_of(house.services), **own}
    with (
        closing(wire),
        listening() as (listener, url),
        serving(listener, url=url, environment=whole, workers=1),
    ):
        lonely = replace(house, url=url)  # another process of the same gateway
        _accepted(house, by=lonely)
        wire.cut()
        seen = _accepted(house)
        assert _replays(lonely, seen) <= {"sign_again", "nonce_replayed"}
        alone = _accepted(house, by=lonely)
        assert _replays(house, alone) == {"nonce_replayed"}
        signed = _signed_ping(house)
        assert send(house, **PING, headers=signed).status_code == 200  # it need not sign again
        assert _replays(lonely, signed) == {"nonce_replayed"}


def test_a_wallet_that_others_hold_answers_late_and_posts_once(house: House) -> None:
    person, key = house.member(), secrets.token_urlsafe(18)
    body, database = purchase(person.phone, merchant_ref="slow"), house.services.database
    send_it = partial(ask, house, house.green, body=body, idempotency_key=key)
    with ThreadPoolExecutor(max_workers=2) as tills:
        with database.unit_of_work() as other:  # holds the wallet until both wait for it
            operations.set_wallet_status(
                other.connection(), member_id=person.member_id, status="active"
            )
            sent = [tills.submit(send_it) for _ in range(2)]
            await_waiters(database, count=2)
        answers = [each.result() for each in sent]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert {each.headers.get("Idempotent-Replayed") for each in answers} == {None, "true"}


def test_a_valkey_that_hangs_slows_calls_and_lets_no_replay_in(
    house: House, private_valkey: Valkey
) -> None:
    person = house.member()
    before = _accepted(house)
    with redis.Redis.from_url(private_valkey.url()) as client:
        process = int(client.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)  # it takes connections, and answers none
    try:
        with ThreadPoolExecutor(max_workers=2) as tills:
            seen = tills.submit(send, house, **PING, headers=before)
            earned = house.green.client.earn(
                member={"phone": person.phone}, merchant_ref="hung-valkey", amount=30_000
            )
            assert earned.data["points"] == 3
            # The database knows it where Valkey was away before.
            assert seen.result().json()["code"] in {"sign_again", "nonce_replayed"}
    finally:
        os.kill(process, signal.SIGCONT)
    with house.services.database.reading() as session:
        kinds = [
            each.kind for each in queries.entries(session, member_id=person.member_id, limit=9)
        ]
    assert kinds == ["issuance"]


def _signed_ping(house: House) -> dict[str, str]:
    """Return the headers of a new request, with the address that it is signed for."""
    headers, _ = headers_of(house, house.green, **PING)
    return {**headers, "Host": urlsplit(house.url).netloc}


def _accepted(house: House, *, by: House | None = None) -> dict[str, str]:
    """Return the headers of a request that was accepted, signed again as long as that is asked."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        headers = _signed_ping(house)
        answer = send(by or house, **PING, headers=headers)
        if answer.status_code == 200:
            return headers
        assert answer.json()["code"] == "sign_again"
        time.sleep(int(answer.headers["Retry-After"]))
    raise AssertionError("no signature was accepted")


def _replays(house: House, headers: dict[str, str]) -> set[str]:
    """Return how a request that is sent six times is answered, by two processes or one."""
    return {send(house, **PING, headers=headers).json().get("code", "accepted") for _ in range(6)}


def _await_both_processes(administrator: psycopg.Connection, name: str) -> None:
    """Return once two gateway processes have a connection that rests: their keys are read.

    It is the first that each makes, and between its set-up and the keys it rests for no time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    connected = 0
    while connected < 2:
        assert time.monotonic() < deadline
        row = administrator.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = %s AND application_name = 'peyvand-gateway' AND state = 'idle' "
            "AND state_change < clock_timestamp() - interval '250 milliseconds'",
            [name],
        ).fetchone()
        connected = 0 if row is None else row[0]


def _allow(administrator: psycopg.Connection, name: str, *, allowed: bool) -> None:
    administrator.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
            sql.Identifier(name), sql.Literal(allowed)
        )
    )
    if not allowed:
        administrator.execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity "
            "WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )
