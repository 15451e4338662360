"""What the tests of sandboxes have beside a gateway: the owner who makes them, and the worker."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import redis
from psycopg import sql
from sqlalchemy import text

from config.sandboxes import making
from config.sandboxes.tending import tend
from merchant_gateway.client import GatewayClient
from merchant_gateway.signing import Ed25519SigningKey
from network.clock import wall_now
from network.database.migrate import schema_digest
from network.merchants import access_epoch
from network.merchants import service as merchants
from network.sandboxes import queries, service
from network.sandboxes.opening import sandbox_services
from network.services import Services
from tests.fixtures.cluster import Cluster
from tests.integration.gateway.house import House, Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """The installation as its owner: ``services`` may make and drop databases."""

    services: Services

    def fresh(self, merchant_id: UUID) -> None:
        """Give a merchant an empty sandbox, as an operator would."""
        self.keep()
        with self.services.database.unit_of_work() as session:
            service.reset(
                session, merchant_id=merchant_id, schema_digest=schema_digest(), now=wall_now()
            )
        with redis.Redis.from_url(self.services.settings.redis_url) as client:
            access_epoch.announce(client)

    def keep(self) -> bool:
        """Do what the schedule does at a tick."""
        return making.keep(self.services, now=wall_now())

    def tend(self) -> None:
        """Do what the worker does."""
        tend(self.services)

    @contextmanager
    def inside(self, merchant_id: UUID) -> Iterator[Services]:
        """Yield services on the data of a merchant's sandbox."""
        with self.services.database.reading() as session:
            view = queries.sandbox_of(session, merchant_id=merchant_id)
        assert view is not None
        inside = sandbox_services(self.services, view, application_name="test")
        yield inside
        inside.database.dispose()


@contextmanager
def standing(services: Services, cluster: Cluster, *, owner_url: str) -> Iterator[Stand]:
    """Yield the stand with spares made; drop every sandbox afterwards."""
    settings = replace(services.settings, owner_url=owner_url)
    stand = Stand(services=replace(services, settings=settings))
    stand.keep()
    yield stand
    with services.database.reading() as session:
        names = session.scalars(
            text("SELECT 'sandbox_' || replace(sandbox_id::text, '-', '') FROM network.sandbox")
        ).all()
    with cluster.administrator() as connection:
        for name in names:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


def with_test_key(house: House, shop: Shop, *, attempts: int = 5) -> GatewayClient:
    """Return a client that signs with a new test key of ``shop``."""
    key = Ed25519SigningKey.generate()
    with house.services.database.unit_of_work() as session:
        made = merchants.register_key(
            session,
            house.services.vault,
            merchant_id=shop.merchant_id,
            environment="test",
            public_key=key.verifying_key().to_raw(),
            now=wall_now(),
        )
    return GatewayClient(url=house.url, key_id=made.key_id, key=key, attempts=attempts)


def reference() -> str:
    """Return a reference that nobody used."""
    return secrets.token_hex(8)
