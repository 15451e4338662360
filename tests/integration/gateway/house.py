"""A small coalition behind a gateway that runs as in production, for the tests of this folder."""

from __future__ import annotations

import base64
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import requests
from sqlalchemy import text

from config.preparation import prepare_installation
from merchant_gateway.client import GatewayClient
from merchant_gateway.signing import Ed25519SigningKey
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.ids import EntryIds
from network.ledger.partitions import open_first_day
from network.members import queries as members
from network.members import service as member_service
from network.members.enrolment import enrol
from network.merchants import agreements
from network.merchants import service as merchants
from network.merchants.settling import DEFAULT, Settling
from network.programme import service as programme
from network.services import Services
from network.settings import PROGRAMME_ZONE, Settings
from network.vault import Vault
from tests.conftest import MASTER_KEY
from tests.fixtures.cluster import Cluster
from tests.fixtures.forge import Forged, forge

START_SECONDS = 90.0
LIMIT = 100_000


@dataclass(kw_only=True)
class Shop:
    """A merchant with a key, a store called ``main``, and the client of its till."""

    code: str
    merchant_id: UUID
    key_id: str
    key: Ed25519SigningKey
    client: GatewayClient


@dataclass(kw_only=True)
class House:
    """The services behind the gateway, its address, two shops, and members made on demand."""

    services: Services
    url: str
    shops: dict[str, Shop] = field(default_factory=dict)
    phones: Iterator[str] = field(
        default_factory=lambda: (f"0912{number:07d}" for number in range(1_000_000, 9_999_999))
    )

    @property
    def green(self) -> Shop:
        """Return the shop that gives points at once, 1 per 10,000 rials, 3 on produce."""
        return self.shops["green"]

    @property
    def blue(self) -> Shop:
        """Return the shop whose points are pending for a week."""
        return self.shops["blue"]

    def today(self) -> date:
        """Return the programme's date."""
        return local_date(wall_now(), zone=PROGRAMME_ZONE)

    def member(self, *, points: int = 0) -> Person:
        """Let a new member join, and earn ``points`` at the green shop."""
        phone = next(self.phones)
        with self.services.database.unit_of_work() as session:
            member_id = enrol(
                session,
                self.services.vault,
                phone=phone,
                consents=["membership"],
                locale="fa",
                name="Mina Karimi",
                now=wall_now(),
            )
            card = members.cards(session, member_id=member_id)[0].card_number
        person = Person(house=self, member_id=member_id, phone=phone, card=card)
        if points:
            self.green.client.earn(
                member={"phone": phone}, merchant_ref="first", amount=points * 10_000
            )
        return person

    def code(self, member_id: UUID, *, limit: int, wall: datetime) -> str:
        """Return the code that a wallet would show at ``wall``."""
        with self.services.database.reading() as session:
            return members.current_code(
                session, self.services.vault, member_id=member_id, limit=limit, wall=wall
            ).text


@dataclass(kw_only=True)
class Person:
    """A member in the hands of a test."""

    house: House
    member_id: UUID
    phone: str
    card: str

    def code(self, *, limit: int = LIMIT, ago: timedelta = timedelta(0)) -> dict[str, str]:
        """Return the member as named by a fresh code, or by one of a while ago."""
        wall = wall_now() - ago
        return {"code": self.house.code(self.member_id, limit=limit, wall=wall)}

    def lock(self, *, locked: bool = True) -> None:
        """Lock spending, or unlock it."""
        with self.house.services.database.unit_of_work() as session:
            member_service.set_spend_lock(session, member_id=self.member_id, locked=locked)


def furnish(services: Services, *, url: str) -> House:
    """Set prices and terms, and seat two merchants."""
    now = wall_now()
    today = local_date(now, zone=PROGRAMME_ZONE)
    prepare_installation(services, wall=now)
    house = House(services=services, url=url)
    with services.database.unit_of_work() as session:
        programme.set_face_value(
            session,
            effective_from=today - timedelta(days=90),
            value=Fraction(1000),
            today=today,
            now=now,
        )
    house.shops["green"] = seat_shop(services, url, "green", pending_days=0)
    house.shops["blue"] = seat_shop(services, url, "blue", pending_days=7)
    return house


def seat_shop(
    services: Services,
    url: str,
    code: str,
    *,
    pending_days: int,
    settling: Settling = DEFAULT,
) -> Shop:
    """Seat a merchant that gives a point per 10,000 rials, for 1,000 rials each."""
    now = wall_now()
    today = local_date(now, zone=PROGRAMME_ZONE)
    key = Ed25519SigningKey.generate()
    begin = today - timedelta(days=90)
    with services.database.unit_of_work() as session:
        merchant_id = merchants.register_merchant(
            session, code=code, name_fa="فروشگاه", name_en="Shop", kind="grocer", now=now
        )
        merchants.add_store(
            session, merchant_id=merchant_id, code="main", name_fa="مرکزی", name_en="Main"
        )
        programme.set_earning_terms(
            session,
            merchant_id=merchant_id,
            effective_from=begin,
            base_rate=Fraction(1, 10_000),
            category_rates={"produce": Fraction(3, 10_000)},
            pending_days=pending_days,
            expiry_days=365,
            today=today,
            now=now,
        )
        proposed = agreements.propose_agreement(
            session,
            merchant_id=merchant_id,
            effective_from=begin,
            issue_price=Decimal(1000),
            acceptance_fee=Decimal("0.02"),
            settling=settling,
            today=today,
            now=now,
        )
        agreements.approve_agreement(
            session, agreement_id=proposed.agreement_id, today=today, now=now
        )
        registered = merchants.register_key(
            session,
            services.vault,
            merchant_id=merchant_id,
            environment="live",
            public_key=key.verifying_key().to_raw(),
            now=now,
        )
    client = GatewayClient(url=url, key_id=registered.key_id, key=key)
    return Shop(
        code=code, merchant_id=merchant_id, key_id=registered.key_id, key=key, client=client
    )


@contextmanager
def listening() -> Iterator[tuple[socket.socket, str]]:
    """Yield a socket on a port of the system's choice, and its address."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def serving(
    listener: socket.socket,
    *,
    url: str,
    environment: dict[str, str],
    application: str = "gateway",
    module: str = "config.wsgi",
    workers: int = 2,
) -> Iterator[None]:
    """Run a front under gunicorn, as in production, on a socket that is open already."""
    settings = ("--config", "python:config.gunicorn", "--workers", str(workers))
    front = forge(
        [*settings, f"{module}:{application}()"],
        listener=listener,
        environment={**os.environ, f"PEYVAND_{application.upper()}_URL": url, **environment},
    )
    try:
        _await_health(front, url)
        yield
    finally:
        sys.stderr.write(front.stop().decode(errors="replace"))


def _await_health(front: Forged, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and front.runs():
        try:
            if requests.get(f"{url}/-/health", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise RuntimeError("the front did not start")


@contextmanager
def fresh_services(cluster: Cluster, *, redis_url: str, vault: Vault) -> Iterator[Services]:
    """Yield services on a database of their own."""
    with cluster.fresh_database() as name:
        settings = Settings(
            database_url=cluster.url("peyvand", database=name),
            redis_url=redis_url,
            master_key=MASTER_KEY,
        )
        database = Database(settings.database_url, pool_size=2, application_name="test")
        yield Services(settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault))
        database.dispose()


def owner_url_of(cluster: Cluster, services: Services) -> str:
    """Return the URL by which the owner reaches the services' database."""
    return cluster.url("peyvand_owner", database=str(services.database.engine.url.database))


def environment_of(services: Services) -> dict[str, str]:
    """Return the environment by which another process finds these services."""
    settings = services.settings
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "PEYVAND_MASTER_KEY": base64.b64encode(settings.master_key).decode(),
    }


@contextmanager
def open_house(
    services: Services,
    *,
    owner_url: str | None = None,
    module: str = "config.wsgi",
    journals: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[House]:
    """Yield the coalition with its gateway running, and close its clients.

    With the owner's URL it is a simulated installation in which today is open. The shops' clients
    keep journals in ``journals``; ``environment`` adds to that of the gateway.
    """
    with listening() as (listener, url):
        if owner_url is not None:
            _simulate(owner_url)
        house = furnish(services, url=url)
        if owner_url is not None:
            with services.database.unit_of_work() as session:
                open_first_day(session, business_date=house.today())
        if journals is not None:
            for shop in house.shops.values():
                shop.client.close()
                shop.client = GatewayClient(
                    url=url, key_id=shop.key_id, key=shop.key, journal=journals / shop.code
                )
        whole = {**environment_of(services), **environment}
        with serving(listener, url=url, environment=whole, module=module):
            yield house
        for shop in house.shops.values():
            shop.client.close()


def _simulate(owner_url: str) -> None:
    """Make an installation a simulated one, which is for good once anything has begun."""
    owner = Database(owner_url, pool_size=1)
    with owner.unit_of_work() as session:
        session.execute(text("UPDATE network.installation SET simulated = true"))
    owner.dispose()


def utc_now() -> datetime:
    """Return wall time in UTC."""
    return datetime.now(UTC)
