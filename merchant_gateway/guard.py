"""Nonces and rate limits: one Valkey script per request, PostgreSQL when Valkey is away.

A nonce is remembered for as long as its signature could be accepted again. When Valkey cannot be
reached, nonces go to ``network.nonce``: slower, never open. Which of the two stores knows a
signature all processes read in one row (``nonce_stores``); what neither of those that can be asked
knows for sure is answered with ``sign_again``.
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

from merchant_gateway.errors import NonceReplayedError, RateLimitedError, SignAgainError
from merchant_gateway.limits import Limits, LocalRate
from merchant_gateway.nonce_line import Answer, Line, bulk
from merchant_gateway.nonce_stores import NONCE_SECONDS, Known, Stores
from network.database.connection import Database
from network.lean import lean
from network.merchants import access_epoch
from network.merchants.keys import LIVE, TEST
from network.merchants.nonces import claim_nonce

log = logging.getLogger("peyvand.gateway")

RETRY_VALKEY_SECONDS = 1.0
_MICROSECONDS = 1_000_000


@lean
@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What is left of a quota, the seconds until it is whole, which one it is, the keys' epoch."""

    remaining: int
    reset: int
    epoch: bytes | None
    policy: str = "merchant"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quota:
    """One of the two quotas: how it is called, the key's ending, the bucket here.

    ``terms`` is what of it the script is told, as it goes over the line.
    """

    policy: str
    ending: str
    local: LocalRate
    terms: str

    @classmethod
    def of(cls, policy: str, ending: str, *, quota: int, window: int) -> _Quota:
        interval, burst = window * _MICROSECONDS / quota, window * _MICROSECONDS
        return cls(
            policy=policy,
            ending=ending,
            local=LocalRate(quota=quota, window=window),
            terms=bulk(access_epoch.EPOCH_KEY, str(NONCE_SECONDS), str(interval), str(burst)),
        )


class Guard:
    """Admits each signed request once, and each merchant as often as agreed."""

    def __init__(self, *, redis: Any, database: Database, limits: Limits) -> None:
        self._database = database
        self._redis = redis
        self._stores = Stores(database)
        self._line = Line(redis, met=self._stores.met)
        self._quotas = {
            LIVE: _Quota.of(
                "merchant", "", quota=limits.merchant_quota, window=limits.merchant_window
            ),
            TEST: _Quota.of("test", ":test", quota=limits.test_quota, window=limits.test_window),
        }
        self._try_again_at = 0.0
        self._lost = False

    def prepare(self) -> None:
        """Read which store is believed, and see which Valkey is there, before a request waits.

        Raises UnavailableError where the database is away. Valkey may be.
        """
        self._stores.read()
        try:
            self._line.open()
        except valkey.RedisError as error:
            self._note_loss(error)

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

        Raises NonceReplayedError, RateLimitedError, or SignAgainError where no store that can be
        asked knows all signatures that were made then.
        """
        quota = self._quotas[environment]
        answer = self._ask_valkey(key_id, merchant_id, nonce, quota)
        if answer is not None:
            if answer.replayed:
                raise NonceReplayedError
            known = self._stores.known()
            if answer.run == known.stores.valkey:
                if known.both(created):
                    self._claim_in_database(key_id=key_id, nonce=nonce, wall=wall)
                if not (known.valkey_knows(created) or known.database_knows(created)):
                    raise _sign_again(known)
                _check_age(known, created)
                return _admission(answer, quota)
            self._line.drop_others(known.stores.valkey)
        known = self._stores.lost()
        if not known.database_knows(created, lasting=NONCE_SECONDS):
            raise _sign_again(known)
        self._claim_in_database(key_id=key_id, nonce=nonce, wall=wall)
        if not known.database_knows(created, lasting=NONCE_SECONDS):
            raise _sign_again(known)  # this process stood still until its mark was run down
        _check_age(known, created)
        return _count_locally(merchant_id, quota)

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
    ) -> Answer | None:
        """Run the script, or return ``None`` where Valkey cannot be reached."""
        if monotonic() < self._try_again_at:
            return None
        try:
            answer = self._line.ask(
                nonce=f"gateway:nonce:{key_id}:{nonce}",
                rate=f"gateway:rate:{merchant_id}{quota.ending}",
                terms=quota.terms,
            )
        except valkey.RedisError as error:
            self._note_loss(error)
            return None
        if self._lost:
            log.warning("valkey_back")
            self._lost = False
        return answer

    def _note_loss(self, error: Exception) -> None:
        if not self._lost:
            log.warning("valkey_lost error=%s", type(error).__name__)
        self._lost = True
        self._try_again_at = monotonic() + RETRY_VALKEY_SECONDS

    def _claim_in_database(self, *, key_id: str, nonce: str, wall: datetime) -> None:
        expires_at = wall.astimezone(UTC) + timedelta(seconds=NONCE_SECONDS)
        with self._database.unit_of_work() as session:
            fresh = claim_nonce(session, key_id=key_id, nonce=nonce, expires_at=expires_at)
        if not fresh:
            raise NonceReplayedError


def _sign_again(known: Known) -> SignAgainError:
    facts = {"retry_after": known.seconds_to_sign()}
    if known.stores.database_from is not None:
        facts["created_from"] = int(known.stores.database_from)
    return SignAgainError("no store knows what was signed then", facts=facts)


def _check_age(known: Known, created: int) -> None:
    if known.too_old(created):
        raise SignAgainError("it stood still until its nonce may be forgotten")


def _admission(answer: Answer, quota: _Quota) -> Admission:
    if answer.limited:
        wait = max(1, math.ceil(answer.microseconds / _MICROSECONDS))
        raise RateLimitedError(retry_after=wait, policy=quota.policy)
    return Admission(
        remaining=answer.remaining,
        reset=math.ceil(answer.microseconds / _MICROSECONDS),
        epoch=answer.epoch,
        policy=quota.policy,
    )


def _count_locally(merchant_id: UUID, quota: _Quota) -> Admission:
    name = str(merchant_id)
    if wait := quota.local.wait(name):
        raise RateLimitedError(retry_after=wait, policy=quota.policy)
    remaining, reset = quota.local.take(name)
    return Admission(remaining=remaining, reset=reset, epoch=None, policy=quota.policy)
