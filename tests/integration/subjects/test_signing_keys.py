"""The network's own keys."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import text

from network.clock import wall_now
from network.database.connection import Database
from network.operators.queries import acts
from network.signing import queries, service
from network.signing.queries import NoSigningKeyError
from network.vault import SealBrokenError, Vault

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def ensure(database: Database, vault: Vault) -> list[str]:
    with database.unit_of_work() as session:
        return service.ensure_keys(session, vault, now=NOW)


def test_one_key_per_purpose_however_many_processes_start(database: Database, vault: Vault) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [
            key for keys in pool.map(lambda _: ensure(database, vault), range(4)) for key in keys
        ]
    assert len(made) == len(service.PURPOSES)
    with database.reading() as session:
        active = {
            queries.active_key(session, vault=vault, purpose=purpose).key_id
            for purpose in service.PURPOSES
        }
        assert active == set(made)


def test_the_published_half_verifies_what_the_private_half_signs(
    database: Database, vault: Vault
) -> None:
    ensure(database, vault)
    with database.reading() as session:
        key = queries.active_key(session, vault=vault, purpose="answers")
        (published,) = [jwk for jwk in queries.published_keys(session) if jwk["kid"] == key.key_id]
    assert repr(key.private_key) not in repr(key)
    signature = Ed25519PrivateKey.from_private_bytes(key.private_key).sign(b"an answer")
    raw = base64.urlsafe_b64decode(published["x"] + "=")
    Ed25519PublicKey.from_public_bytes(raw).verify(signature, b"an answer")
    assert "d" not in published


def test_a_retired_key_stays_published_and_a_new_one_signs(
    database: Database, vault: Vault
) -> None:
    ensure(database, vault)
    with database.unit_of_work() as session:
        old = queries.active_key(session, vault=vault, purpose="tokens")
        session.execute(
            text("UPDATE network.signing_key SET retired_at = now() WHERE key_id = :key_id"),
            {"key_id": old.key_id},
        )
    (new,) = ensure(database, vault)
    with database.reading() as session:
        assert queries.active_key(session, vault=vault, purpose="tokens").key_id == new
        assert {old.key_id, new} <= {jwk["kid"] for jwk in queries.published_keys(session)}


def test_without_keys_or_with_another_master_key(database: Database, vault: Vault) -> None:
    with database.reading() as session, pytest.raises(NoSigningKeyError):
        queries.active_key(session, vault=vault, purpose="seals")
    ensure(database, vault)
    with database.reading() as session, pytest.raises(SealBrokenError):
        queries.active_key(session, vault=Vault(bytes(32)), purpose="seals")


def test_the_thumbprint_of_rfc_8037() -> None:
    public = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert service.thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_rotation_announces_then_signs_and_keeps_the_old_key(
    database: Database, vault: Vault
) -> None:
    ensure(database, vault)
    wall = wall_now()

    def active() -> str:
        with database.reading() as session:
            return queries.active_key(session, vault=vault, purpose="answers").key_id

    old = active()
    with database.unit_of_work() as session:
        (ahead,) = service.rotate_keys(
            session, vault, now=wall, announced=timedelta(hours=1), purposes=["answers"]
        )
    with database.reading() as session:
        found = {jwk["kid"]: jwk for jwk in queries.published_keys(session)}
    assert active() == old, "it is only announced"
    assert found[ahead.key_id]["signs_from"] == ahead.signs_from.isoformat()
    assert found[old]["signs_until"] == ahead.signs_from.isoformat()
    assert ahead.replaced == (old,)

    # A second one that can't wait takes the place of both.
    with database.unit_of_work() as session:
        (now,) = service.rotate_keys(
            session, vault, now=wall, announced=timedelta(0), purposes=["answers"]
        )
    assert active() == now.key_id
    with database.reading() as session:
        found = {jwk["kid"]: jwk for jwk in queries.published_keys(session)}
        logged = acts(session, limit=5, action="signing_key.rotated")
    assert found[old]["signs_until"] == wall.isoformat()
    assert found[ahead.key_id]["signs_until"] == found[ahead.key_id]["signs_from"]
    assert set(now.replaced) == {old, ahead.key_id}
    assert len(logged) == 2
    with database.unit_of_work() as session:
        assert service.ensure_keys(session, vault, now=wall) == []
