"""Nonces and rate limits against a real Valkey, and the limit of an address that fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import redis

from config.sandboxes.nights import Hands
from merchant_gateway.app import create_app
from merchant_gateway.errors import NonceReplayedError, RateLimitedError, SignAgainError
from merchant_gateway.guard import Admission, Guard
from merchant_gateway.limits import Limits
from network.merchants.access_epoch import announce
from network.services import Services

LIMITS = Limits(merchant_quota=3, merchant_window=3600, test_quota=1, test_window=3600)


def _admit(
    guard: Guard, *, nonce: str, merchant: UUID, ago: int = -5, environment: str = "live"
) -> Admission:
    """Admit a request; it was signed a little ahead, so that no loss of Valkey lies after it."""
    wall = datetime.now(UTC)
    return guard.admit(
        key_id="mk_live_a",
        merchant_id=merchant,
        environment=environment,
        nonce=nonce,
        created=int(wall.timestamp()) - ago,
        wall=wall,
    )


def test_a_nonce_counts_once_and_a_quota_runs_out(
    services: Services, redis_client: redis.Redis
) -> None:
    guard = Guard(redis=redis_client, database=services.database, limits=LIMITS)
    merchant = uuid4()
    assert [_admit(guard, nonce=f"n{n}", merchant=merchant).remaining for n in range(3)] == [
        2,
        1,
        0,
    ]
    with pytest.raises(RateLimitedError) as caught:
        _admit(guard, nonce="n3", merchant=merchant)
    assert 1190 < caught.value.retry_after <= 1200
    with pytest.raises(NonceReplayedError):
        _admit(guard, nonce="n0", merchant=merchant)
    assert _admit(guard, nonce="n0-other", merchant=uuid4()).remaining == 2


@pytest.mark.parametrize("valkey", ["there", "away"])
def test_test_keys_have_a_small_quota_of_their_own(
    services: Services, redis_client: redis.Redis, valkey: str
) -> None:
    if valkey == "away":
        redis_client = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    guard = Guard(redis=redis_client, database=services.database, limits=LIMITS)
    merchant = uuid4()
    first = _admit(guard, nonce="t0", merchant=merchant, environment="test")
    assert (first.policy, first.remaining) == ("test", 0)
    with pytest.raises(RateLimitedError):
        _admit(guard, nonce="t1", merchant=merchant, environment="test")
    live = _admit(guard, nonce="l0", merchant=merchant)
    assert (live.policy, live.remaining) == ("merchant", 2)


def test_the_epoch_is_reported(services: Services, redis_client: redis.Redis) -> None:
    guard = Guard(redis=redis_client, database=services.database, limits=LIMITS)
    first = _admit(guard, nonce="a", merchant=uuid4()).epoch
    announce(redis_client)
    assert _admit(guard, nonce="b", merchant=uuid4()).epoch != first


def test_without_valkey_the_database_remembers(services: Services) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    guard = Guard(redis=away, database=services.database, limits=LIMITS)
    merchant = uuid4()
    with pytest.raises(SignAgainError):
        _admit(guard, nonce="old", merchant=merchant, ago=30)
    assert _admit(guard, nonce="x", merchant=merchant).remaining == 2
    with pytest.raises(NonceReplayedError):
        _admit(guard, nonce="x", merchant=merchant)
    other = Guard(redis=away, database=services.database, limits=LIMITS)
    with pytest.raises(NonceReplayedError):
        _admit(other, nonce="x", merchant=merchant)
    _admit(guard, nonce="y", merchant=merchant)
    _admit(guard, nonce="z", merchant=merchant)
    with pytest.raises(RateLimitedError):
        _admit(guard, nonce="w", merchant=merchant)


def test_an_address_that_keeps_failing_has_to_wait(
    services: Services, redis_client: redis.Redis
) -> None:
    limits = Limits(address_failures=3, address_window=3600)
    client = create_app(
        services, redis_client, hands=Hands(redis_client), limits=limits
    ).test_client()
    statuses = [client.get("/v1/ping").status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    refused = client.get("/v1/ping", headers={"Accept-Language": "fa"})
    assert json.loads(refused.data)["code"] == "rate_limited"
    assert int(refused.headers["Retry-After"]) > 1000
    assert refused.headers["RateLimit-Policy"]
    assert refused.headers["RateLimit"].startswith('"address";r=0;t=')
    assert client.get("/docs").status_code == 200


def test_who_has_one_ipv6_line_has_one_count(services: Services, redis_client: redis.Redis) -> None:
    limits = Limits(address_failures=3, address_window=3600)
    client = create_app(
        services, redis_client, hands=Hands(redis_client), limits=limits
    ).test_client()

    def status(address: str) -> int:
        return client.get("/v1/ping", environ_base={"REMOTE_ADDR": address}).status_code

    assert [status(f"2001:db8:0:1::{last}") for last in range(1, 6)] == [401, 401, 401, 429, 429]
    assert status("2001:db8:0:2::1") == 401
    assert status("192.0.2.1") == 401
