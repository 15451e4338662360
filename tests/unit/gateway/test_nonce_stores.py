"""What a process may conclude from what it read of the two stores of nonces, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from merchant_gateway import nonce_stores
from merchant_gateway.nonce_stores import NONCE_SECONDS, READ_SECONDS, VALID_SECONDS, Known
from network.merchants.nonces import NonceStores

NOW = 1_800_000_000.0
CREATED = int(NOW) - 1
CALM = NonceStores(valkey="a", valkey_from=0.0, database_from=None, database_until=0.0, now=NOW)
MARKED = replace(CALM, database_from=NOW - 9, database_until=NOW + NONCE_SECONDS + 30)


def read(stores: NonceStores, *, ago: float = 0.0) -> Known:
    """Return what was read a while ago, when the database's clock said what ``stores`` say."""
    tick = nonce_stores._ticks() - ago
    return Known(stores, tick, tick)


@pytest.mark.parametrize(
    ("stores", "ago", "created", "both"),
    [
        (CALM, 0.0, CREATED, False),
        (CALM, 0.0, int(NOW) + 3_600, True),
        (MARKED, 0.0, CREATED, True),
        (replace(MARKED, database_until=NOW - 1), 0.0, CREATED, False),
        (CALM, READ_SECONDS, CREATED, True),
    ],
    ids=["calm", "made ahead", "marked", "run down", "read too long ago"],
)
def test_in_how_many_stores_a_nonce_is_claimed(
    stores: NonceStores, *, ago: float, created: int, both: bool
) -> None:
    assert read(stores, ago=ago).both(created) is both


@pytest.mark.parametrize(
    ("stores", "by_valkey", "by_database"),
    [
        (CALM, True, False),
        (MARKED, True, True),
        (replace(MARKED, valkey_from=NOW), False, True),
        (replace(MARKED, database_from=NOW), True, False),
        (replace(MARKED, database_from=None, valkey_from=None), False, False),
        (replace(MARKED, database_until=NOW + NONCE_SECONDS - 1), True, False),
    ],
    ids=["calm", "marked", "another Valkey", "made before", "not dated", "ends too early"],
)
def test_which_store_is_believed(
    stores: NonceStores, *, by_valkey: bool, by_database: bool
) -> None:
    known = read(stores)
    assert known.valkey_knows(CREATED) is by_valkey
    assert known.database_knows(CREATED, lasting=NONCE_SECONDS) is by_database


def test_what_stood_still_for_minutes_is_too_old() -> None:
    assert not read(CALM).too_old(CREATED)
    assert read(CALM, ago=VALID_SECONDS).too_old(CREATED)
