"""The fixtures themselves: databases are cloned, apart from each other, and fenced."""

from __future__ import annotations

import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text

from network.database.connection import Database
from network.services import Services
from tests.fixtures.cluster import Cluster
from tests.fixtures.programme import Programme


def test_databases_are_apart_and_gone_afterwards(cluster: Cluster) -> None:
    with cluster.fresh_database() as first, cluster.fresh_database() as second:
        assert first != second
    with cluster.administrator() as connection:
        left = connection.execute(
            "SELECT FROM pg_database WHERE datname IN (%s, %s)", [first, second]
        )
        assert left.fetchall() == []


def test_the_application_cannot_make_tables(database: Database) -> None:
    with (
        pytest.raises(Exception, match="permission denied") as caught,
        database.unit_of_work() as session,
    ):
        session.execute(text("CREATE TABLE network.mine (a int)"))
    assert isinstance(caught.value.__cause__, psycopg.errors.InsufficientPrivilege)


def test_the_template_is_migrated_and_the_empty_one_is_not(
    owner_url: str, empty_owner_url: str
) -> None:
    found = {}
    for url in (owner_url, empty_owner_url):
        engine = create_engine(url)
        with engine.connect() as connection:
            found[url] = connection.execute(
                text("SELECT to_regclass('network.outbox') IS NOT NULL")
            ).scalar_one()
        engine.dispose()
    assert found == {owner_url: True, empty_owner_url: False}


def test_valkey_and_services_answer(
    services: Services, redis_client: redis.Redis, programme: Programme
) -> None:
    assert redis_client.ping()
    with services.database.ledger() as connection:
        user, clock = connection.execute(
            text("SELECT current_user, clock_offset FROM network.installation")
        ).one()
    assert user == "peyvand"
    assert clock.total_seconds() == 0
    assert programme.clock.simulated
