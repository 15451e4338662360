"""Fixtures that every test may use: real services, one cluster for the whole run.

A test that asks for ``database`` gets a database of its own, cloned from a migrated template;
nothing is shared between tests, and nothing is mocked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis
from argon2 import PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as trials

from network.database.connection import Database
from network.ids import EntryIds
from network.operators import passwords
from network.services import Services
from network.settings import Settings
from network.vault import Vault
from tests.fixtures import cluster as run
from tests.fixtures.cluster import Cluster
from tests.fixtures.programme import Programme

# How long a case takes is the machine's business: what is asserted in time is asserted of its load.
trials.register_profile(
    "suite", trials(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
trials.load_profile("suite")

MASTER_KEY = bytes(range(32))
OWN_HASHER = passwords._hasher
"""What the product hashes with; here it stands aside for one that costs next to nothing."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's directory in the controller; workers inherit its name."""
    if not hasattr(config, "workerinput"):
        run.begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run started."""
    if not hasattr(config, "workerinput"):
        run.end_run()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrls:
    """One test database, as the application and as the owner."""

    name: str
    application: str
    owner: str


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> None:
    """Hash passwords with the least that argon2id can do: hundreds of sign-ins cost minutes else.

    A hash says how it was made, so servers in other processes check it as cheaply.
    """
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def worker_number(request: pytest.FixtureRequest) -> int:
    """Return this worker's number: 0 when there is only one process."""
    workerinput = getattr(request.config, "workerinput", None)
    return 0 if workerinput is None else int(workerinput["workerid"].removeprefix("gw"))


@pytest.fixture(scope="session")
def cluster(worker_number: int) -> Cluster:
    """Return the run's PostgreSQL and Valkey, started by the first test that needs them."""
    return run.attach(worker=f"w{worker_number}")


@pytest.fixture
def database_urls(cluster: Cluster) -> Iterator[DatabaseUrls]:
    """Yield the URLs of a fresh migrated database."""
    with cluster.fresh_database() as name:
        yield DatabaseUrls(
            name=name,
            application=cluster.url("peyvand", database=name),
            owner=cluster.url("peyvand_owner", database=name),
        )


@pytest.fixture
def empty_owner_url(cluster: Cluster) -> Iterator[str]:
    """Yield the owner's URL of a database in which nothing has been migrated."""
    with cluster.fresh_database(empty=True) as name:
        yield cluster.url("peyvand_owner", database=name)


@pytest.fixture
def owner_url(database_urls: DatabaseUrls) -> str:
    """Return the owner's URL of the test's database."""
    return database_urls.owner


@pytest.fixture
def database(database_urls: DatabaseUrls) -> Iterator[Database]:
    """Yield the test's database as the application role."""
    database = Database(database_urls.application, application_name="test")
    yield database
    database.dispose()


@pytest.fixture
def owner_database(database_urls: DatabaseUrls) -> Iterator[Database]:
    """Yield the test's database as its owner: to plant faults and look behind the application."""
    database = Database(database_urls.owner, pool_size=2, application_name="test-owner")
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def redis_url(cluster: Cluster, worker_number: int) -> str:
    """Return the URL of the Valkey database that belongs to this worker."""
    return cluster.redis_url(number=worker_number + 1)


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """Yield a client of this worker's Valkey database, emptied before and after the test."""
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def settings(database_urls: DatabaseUrls, redis_url: str) -> Settings:
    """Return settings that point at the test's database and Valkey."""
    return Settings(
        database_url=database_urls.application,
        owner_url=database_urls.owner,
        redis_url=redis_url,
        master_key=MASTER_KEY,
    )


@pytest.fixture(scope="session")
def vault() -> Vault:
    """Return a vault with the tests' master key."""
    return Vault(MASTER_KEY)


@pytest.fixture
def services(settings: Settings, database: Database, vault: Vault) -> Services:
    """Return what a process would hold, on the test's database."""
    return Services(settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault))


@pytest.fixture
def programme(database: Database, owner_database: Database) -> Programme:
    """Return the hands on programme time: the installation becomes a simulated one."""
    return Programme(database=database, owner=owner_database)
