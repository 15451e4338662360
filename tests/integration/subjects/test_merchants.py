"""Merchants, their keys, applications and nonces on the real database, as the application role."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from network.clearing.models import SettlementWindow
from network.database.connection import Database
from network.ids import uuid7
from network.merchants import applications, nonces, queries, service
from network.merchants.applications import Applied, Contact
from network.merchants.errors import (
    BalanceOpenError,
    CodeTakenError,
    InvalidKeyError,
    MerchantDataError,
    TooManyApplicationsError,
    TooManyKeysError,
    TooManyNewKeysError,
    UnknownKeyError,
)
from network.merchants.queries import UnknownMerchantError
from network.money import service as money
from network.vault import Vault
from tests.integration.subjects.seating import NOW, TODAY, TOMORROW, register


def test_a_merchant_with_stores(database: Database) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        service.add_store(
            session,
            merchant_id=merchant_id,
            code="12",
            name_fa="شعبهٔ ونک",
            name_en="Vanak",
            city_fa="تهران",
            city_en="Tehran",
        )
    with database.reading() as session:
        view = queries.merchant(session, code="mahtab")
        assert view == queries.merchant(session, merchant_id=merchant_id)
        assert (view.name("fa"), view.name("en"), view.status) == ("مهتاب", "Mahtab", "active")
        store = queries.store_by_code(session, merchant_id=merchant_id, code="12")
        assert store is not None
        assert store.city("fa") == "تهران"
        assert queries.stores(session, merchant_id=merchant_id) == [store]
        assert queries.store_by_code(session, merchant_id=merchant_id, code="13") is None
        with pytest.raises(UnknownMerchantError):
            queries.merchant(session, code="nobody")


def test_codes_are_unique_and_slugs(database: Database) -> None:
    with database.unit_of_work() as session:
        register(session)
        with pytest.raises(CodeTakenError):
            register(session)
        with pytest.raises(MerchantDataError) as refused:
            register(session, code="Not a slug")
        assert refused.value.field == "code"
        assert [view.code for view in queries.all_merchants(session)] == ["mahtab"]


def test_suspension(database: Database) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        service.set_status(session, merchant_id=merchant_id, status="suspended")
        assert queries.all_merchants(session, active_only=True) == []
        with pytest.raises(MerchantDataError):
            service.set_status(session, merchant_id=merchant_id, status="gone")


def test_an_ed25519_key_until_it_is_revoked(database: Database, vault: Vault) -> None:
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with database.unit_of_work() as session:
        merchant_id = register(session)
        made = service.register_key(
            session,
            vault,
            merchant_id=merchant_id,
            environment="live",
            now=NOW,
            public_key=public,
        )
        assert made.secret is None
        assert made.key_id.startswith("mk_live_")
        service.note_key_use(session, key_id=made.key_id, day=TOMORROW)
        service.note_key_use(session, key_id=made.key_id, day=TODAY)
        view = queries.key(session, key_id=made.key_id)
        assert view is not None
        assert (view.public_key, view.algorithm) == (public, "ed25519")
        assert (view.merchant_code, view.merchant_status) == ("mahtab", "active")
    with database.unit_of_work() as session:
        facts: dict[str, Any] = {"merchant_id": merchant_id, "key_id": made.key_id}
        assert service.revoke_key(session, now=NOW, **facts)
        assert not service.revoke_key(session, now=NOW + timedelta(days=1), **facts)
    with database.reading() as session:
        (view,) = queries.keys(session, merchant_id=merchant_id)
        assert (view.revoked_at, view.last_used_on) == (NOW, TOMORROW)
        assert queries.key(session, key_id="mk_live_aaaaaaaaaaaaaaaa") is None


def test_an_hmac_secret_is_shown_once_and_kept_sealed(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        made = service.register_key(
            session, vault, merchant_id=merchant_id, environment="test", now=NOW
        )
        view = queries.key(session, key_id=made.key_id)
    assert made.secret is not None
    assert len(made.secret) == 32
    assert view is not None
    assert view.sealed_secret is not None
    assert made.secret not in view.sealed_secret
    assert service.open_secret(vault, sealed_secret=view.sealed_secret) == made.secret
    assert repr(made.secret) not in repr(made)


def test_four_active_keys_per_environment(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        facts: dict[str, Any] = {"merchant_id": merchant_id, "now": NOW}
        made = [service.register_key(session, vault, environment="live", **facts) for _ in range(4)]
        with pytest.raises(TooManyKeysError):
            service.register_key(session, vault, environment="live", **facts)
        service.register_key(session, vault, environment="test", **facts)
        service.revoke_key(session, key_id=made[0].key_id, **facts)
        service.register_key(session, vault, environment="live", **facts)


@pytest.mark.parametrize(("environment", "other"), [("test", "live"), ("live", "test")])
def test_twenty_keys_a_day_of_each_environment(
    database: Database, vault: Vault, environment: str, other: str
) -> None:
    with database.unit_of_work() as session:
        facts: dict[str, Any] = {"merchant_id": register(session)}
        for _ in range(20):
            made = service.register_key(session, vault, environment=environment, now=NOW, **facts)
            service.revoke_key(session, key_id=made.key_id, now=NOW, **facts)
        with pytest.raises(TooManyNewKeysError):
            service.register_key(session, vault, environment=environment, now=NOW, **facts)
        service.register_key(session, vault, environment=other, now=NOW, **facts)
        later = NOW + timedelta(days=1)
        service.register_key(session, vault, environment=environment, now=later, **facts)


def test_who_owes_or_is_owed_does_not_leave(database: Database) -> None:
    with database.unit_of_work() as session:
        merchant_id, other = register(session), register(session, code="sepand")
        for each in (merchant_id, other):
            service.begin_exit(session, merchant_id=each, leaves_on=TODAY, today=TODAY)
        facts: dict[str, Any] = {"reason": "test", "currency": "IRR"}
        lines = [
            money.Line(account="settlement", party_id=merchant_id, amount=700, **facts),
            money.Line(account="deposit", party_id=merchant_id, amount=-700, **facts),
        ]
        window = SettlementWindow(
            window_id=uuid7(), first_day=TODAY, end_day=TOMORROW, state="closed"
        )
        session.add(window)
        session.flush()
        entry = money.Entry(
            kind="netting",
            facts=("a",),
            business_date=TODAY,
            lines=lines,
            window_id=window.window_id,
        )
        money.post(session, entries=[entry])
        with pytest.raises(BalanceOpenError) as refused:
            service.complete_exit(session, merchant_id=merchant_id, today=TODAY, now=NOW)
        # Each account by itself: together they would come to nothing.
        assert refused.value.facts == {"deposit": {"IRR": -700}, "settlement": {"IRR": 700}}
        service.complete_exit(session, merchant_id=other, today=TODAY, now=NOW)
        assert queries.merchant(session, code="mahtab").status == "leaving"
        assert queries.merchant(session, code="sepand").status == "left"


def contact() -> Contact:
    return Contact(name="Sara Amini", email="sara@bahar.example", phone="02188776655")


def send(session: Session, vault: Vault, *, address: str, now: datetime = NOW) -> Applied:
    """Apply from an address."""
    return applications.apply(
        session,
        vault,
        name_fa="نان",
        name_en="Bread",
        kind="grocer",
        contact=contact(),
        locale="fa",
        address=address,
        now=now,
    )


def test_applications_count_by_line(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        for number in range(5):
            send(session, vault, address=f"2001:db8:0:1:{number}::1")
        with pytest.raises(TooManyApplicationsError):
            send(session, vault, address="2001:db8:0:1:ffff::")
        send(session, vault, address="2001:db8:0:2::1")
        for number in range(5):
            send(session, vault, address="192.0.2.7" if number % 2 else "::ffff:192.0.2.7")
        with pytest.raises(TooManyApplicationsError):
            send(session, vault, address="192.0.2.7")
        send(session, vault, address="192.0.2.8")


def test_what_nobody_uses_does_not_shut_the_door(
    database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applications, "MOST_WAITING", 2)
    later = NOW + timedelta(days=15)
    with database.unit_of_work() as session:
        used = send(session, vault, address="192.0.2.1")
        send(session, vault, address="192.0.2.2")
        with pytest.raises(TooManyApplicationsError):
            send(session, vault, address="192.0.2.3", now=NOW + timedelta(days=13))
        assert used.key is not None
        service.note_key_use(session, key_id=used.key.key_id, day=later.date())
        send(session, vault, address="192.0.2.3", now=later)
        with pytest.raises(TooManyApplicationsError):
            send(session, vault, address="192.0.2.4", now=later)
        assert applications.waiting(session) == 3


def test_keys_that_cannot_be(database: Database, vault: Vault) -> None:
    with database.unit_of_work() as session:
        merchant_id = register(session)
        other = register(session, code="sepand")
        key = service.register_key(
            session, vault, merchant_id=merchant_id, environment="live", now=NOW
        )
        with pytest.raises(UnknownKeyError):
            service.revoke_key(session, merchant_id=other, key_id=key.key_id, now=NOW)
        with pytest.raises(InvalidKeyError):
            service.register_key(session, vault, merchant_id=other, environment="stage", now=NOW)
        with pytest.raises(InvalidKeyError):
            service.register_key(
                session,
                vault,
                merchant_id=other,
                environment="live",
                now=NOW,
                public_key=b"short",
            )


def test_a_nonce_is_claimed_once_per_key_until_it_is_forgotten(database: Database) -> None:
    expires_at = NOW + timedelta(minutes=6)
    with database.unit_of_work() as session:
        facts: dict[str, Any] = {"nonce": "n" * 22, "expires_at": expires_at}
        assert nonces.claim_nonce(session, key_id="a", **facts)
        assert not nonces.claim_nonce(session, key_id="a", **facts)
        assert nonces.claim_nonce(session, key_id="b", **facts)
        nonces.forget_nonces(session, wall=NOW, limit=9)
        assert not nonces.claim_nonce(session, key_id="a", **facts)
        nonces.forget_nonces(session, wall=expires_at + timedelta(seconds=1), limit=9)
        assert nonces.claim_nonce(session, key_id="a", **facts)
