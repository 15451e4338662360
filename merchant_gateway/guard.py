"""Nonces and rate limits: one Valkey script per request, PostgreSQL when Valkey is away.

A nonce is remembered for as long as its signature could be accepted again. When Valkey cannot be
reached, nonces go to ``network.nonce``: slower, never open. Two seams are closed as well. What was
signed before this process noticed the loss may have been seen by the Valkey that is gone, so it is
answered with ``sign_again``. And after Valkey is back, nonces are claimed in both places until
every signature from the time without it has run out.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import redis as valkey
from redis.backoff import NoBackoff
from redis.retry import Retry

from merchant_gateway.errors import NonceReplayedError, RateLimitedError, SignAgainError
from merchant_gateway.limits import Limits, LocalRate
from merchant_gateway.signing import profile
from network.database.connection import Database
from network.merchants import access_epoch
from network.merchants import service as merchants
from network.merchants.keys import LIVE, TEST

log = logging.getLogger("peyvand.gateway")

NONCE_SECONDS = profile.MAX_AGE_SECONDS + profile.MAX_AHEAD_SECONDS + 1
RETRY_VALKEY_SECONDS = 1.0
_SCRIPT = """
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
    return '0 0 0 0'
end
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst = tonumber(ARGV[2]), tonumber(ARGV[3])
local due = tonumber(redis.call('GET', KEYS[2]) or '0')
if due < now then due = now end
local ahead = due + interval - now
if ahead > burst then
    return string.format('2 0 %d 0', math.ceil(ahead - burst))
end
redis.call('SET', KEYS[2], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000) + 1)
return string.format('1 %d %d %s', math.floor((burst - ahead) / interval), math.ceil(ahead),
    redis.call('GET', KEYS[3]) or '0')
"""
_KEYS = b"3"
_REPLAYED, _LIMITED = 0, 2
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What is left of a quota, the seconds until it is whole, which one it is, the keys' epoch."""

    remaining: int
    reset: int
    epoch: bytes | None
    policy: str = "merchant"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quota:
    """One of the two quotas: how it is called, the key's ending, microseconds, the bucket here."""

    policy: str
    ending: str
    interval: float
    burst: int
    local: LocalRate

    @classmethod
    def of(cls, policy: str, ending: str, *, quota: int, window: int) -> _Quota:
        return cls(
            policy=policy,
            ending=ending,
            interval=window * _MICROSECONDS / quota,
            burst=window * _MICROSECONDS,
            local=LocalRate(quota=quota, window=window),
        )


class Guard:
    """Admits each signed request once, and each merchant as often as agreed."""

    def __init__(self, *, redis: Any, database: Database, limits: Limits) -> None:
        # Claiming a nonce must not be sent twice: the second would find the first's claim and call
        # it a replay. And an outage must not hold requests up while a client backs off.
        redis.set_retry(Retry(NoBackoff(), retries=0))
        self._database = database
        self._redis = redis
        self._script = redis.register_script(_SCRIPT)
        self._idle: list[Any] = []
        self._quotas = {
            LIVE: _Quota.of(
                "merchant", "", quota=limits.merchant_quota, window=limits.merchant_window
            ),
            TEST: _Quota.of("test", ":test", quota=limits.test_quota, window=limits.test_window),
        }
        self._try_again_at = 0.0
        self._lost_at: float | None = None
        self._both_until = 0.0

    def admit(
        self,
        *,
        key_id: str,
        merchant_id: UUID,
        environment: str,
        nonce: str,
        created: int,
        wall: datetime,
    ) -> Admission:
        """Claim the nonce and count the request, one with a test key by a small quota of its own.

        Raises NonceReplayedError, RateLimitedError, or SignAgainError where the request was
        signed before Valkey was lost.
        """
        quota = self._quotas[environment]
        answer = self._ask_valkey(key_id, merchant_id, nonce, quota)
        if answer is None:
            if self._lost_at is None:
                self._lost_at = wall.timestamp()
            if created < self._lost_at:
                raise SignAgainError("signed before the store of nonces was lost")
            self._claim_in_database(key_id=key_id, nonce=nonce, wall=wall)
            return _count_locally(merchant_id, quota)
        state, remaining, microseconds, epoch = answer
        if state == _REPLAYED:
            raise NonceReplayedError
        if monotonic() < self._both_until:
            self._claim_in_database(key_id=key_id, nonce=nonce, wall=wall)
        if state == _LIMITED:
            wait = max(1, math.ceil(microseconds / _MICROSECONDS))
            raise RateLimitedError(retry_after=wait, policy=quota.policy)
        return Admission(
            remaining=remaining,
            reset=math.ceil(microseconds / _MICROSECONDS),
            epoch=epoch,
            policy=quota.policy,
        )

    def announce(self) -> None:
        """Have every process read keys and merchants anew; for after a commit that changed some.

        While Valkey is away every process reads them with each request anyhow.
        """
        try:
            access_epoch.announce(self._redis)
        except valkey.RedisError as error:
            log.warning("not_announced error=%s", type(error).__name__)

    def _ask_valkey(
        self, key_id: str, merchant_id: UUID, nonce: str, quota: _Quota
    ) -> tuple[int, int, int, bytes] | None:
        """Run the script, or return ``None`` where Valkey cannot be reached."""
        if monotonic() < self._try_again_at:
            return None
        try:
            answer = self._run(
                f"gateway:nonce:{key_id}:{nonce}",
                f"gateway:rate:{merchant_id}{quota.ending}",
                access_epoch.EPOCH_KEY,
                str(NONCE_SECONDS),
                str(quota.interval),
                str(quota.burst),
            )
        except valkey.RedisError as error:
            if self._lost_at is None:
                log.warning("valkey_lost error=%s", type(error).__name__)
            self._try_again_at = monotonic() + RETRY_VALKEY_SECONDS
            return None
        if self._lost_at is not None:
            log.warning("valkey_back")
            self._lost_at = None
            self._both_until = monotonic() + NONCE_SECONDS
        return answer

    def _run(self, *keys_and_values: str) -> tuple[int, int, int, bytes]:
        """Run the script on a connection of our own, written and read without the client's ways.

        There are as many as threads use at once. One that Valkey has closed is opened again before
        it is used, because what was sent must not be sent twice.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._redis.connection_pool.get_connection()
        try:
            if _was_closed(connection):
                connection.disconnect()
                connection.connect()
            values = [value.encode() for value in keys_and_values]
            try:
                answer = _asked(connection, b"EVALSHA", self._script.sha.encode(), *values)
            except valkey.exceptions.NoScriptError:
                answer = _asked(connection, b"EVAL", _SCRIPT.encode(), *values)
        except BaseException:
            connection.disconnect()  # what is half read must not be the next one's answer
            self._redis.connection_pool.release(connection)
            raise
        self._idle.append(connection)
        state, remaining, microseconds, epoch = answer.split(b" ", 3)
        return int(state), int(remaining), int(microseconds), epoch

    def _claim_in_database(self, *, key_id: str, nonce: str, wall: datetime) -> None:
        expires_at = wall.astimezone(UTC) + timedelta(seconds=NONCE_SECONDS)
        with self._database.unit_of_work() as session:
            fresh = merchants.claim_nonce(
                session, key_id=key_id, nonce=nonce, expires_at=expires_at
            )
        if not fresh:
            raise NonceReplayedError


def _was_closed(connection: Any) -> bool:
    """Return whether Valkey hung up while the connection lay idle; then nothing was sent on it."""
    try:
        return bool(connection.can_read())
    except (valkey.ConnectionError, valkey.TimeoutError, OSError):
        return True


def _asked(connection: Any, command: bytes, script: bytes, *rest: bytes) -> bytes:
    """Send one command (RESP, an array of bulk strings) and return the bytes of its answer."""
    parts = (command, script, _KEYS, *rest)
    written = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    connection.send_packed_command([b"*%d\r\n" % len(parts) + written], check_health=False)
    answer: bytes = connection.read_response()
    return answer


def _count_locally(merchant_id: UUID, quota: _Quota) -> Admission:
    name = str(merchant_id)
    if wait := quota.local.wait(name):
        raise RateLimitedError(retry_after=wait, policy=quota.policy)
    remaining, reset = quota.local.take(name)
    return Admission(remaining=remaining, reset=reset, epoch=None, policy=quota.policy)
