"""A PostgreSQL that takes connections and questions, and says nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from config.services.postgres import PORT
from network.database.connection import Database, DatabaseUnavailableError
from network.database.driver import rows_of
from network.database.watching import WatchedConnection
from tests.conftest import DatabaseUrls
from tests.fixtures.cluster import Cluster
from tests.fixtures.wire import Wire
from tests.integration.services.helpers import wait_for

SECONDS = 2.0
_ONE = text("SELECT 1 AS one")


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    """Yield a line to the run's PostgreSQL that can be stilled."""
    with closing(Wire(str(Path(cluster.sockets) / f".s.PGSQL.{PORT}"))) as wire:
        yield wire


@pytest.fixture
def watched(cluster: Cluster, database_urls: DatabaseUrls, wire: Wire) -> Iterator[Database]:
    """Yield a database behind that line, which counts as lost after two seconds of silence."""
    database = Database(
        f"postgresql+psycopg://peyvand:{cluster.passwords['peyvand']}@127.0.0.1:{wire.port}"
        f"/{database_urls.name}",
        answer_seconds=SECONDS,
    )
    yield database
    database.dispose()


def _by_driver(database: Database) -> int:
    with database.direct() as connection:
        found: int = rows_of(connection, _ONE, {})[0].one
        return found


def _by_pool(database: Database) -> int:
    with database.unit_of_work() as session:
        found: int = session.execute(_ONE).scalar_one()
        return found


def test_a_server_that_says_nothing_counts_as_lost(watched: Database, wire: Wire) -> None:
    assert (_by_driver(watched), _by_pool(watched)) == (1, 1)
    with ThreadPoolExecutor(max_workers=3) as threads:
        with wire.stilled():
            # Two have a connection that was good, the third opens one; none waits for ever.
            asked = [threads.submit(each, watched) for each in (_by_driver, _by_pool, _by_pool)]
            for each in asked:
                with pytest.raises(DatabaseUnavailableError):
                    each.result(timeout=60)
        wait_for(lambda: _by_pool(watched) == 1)
    assert _by_driver(watched) == 1


def test_nobody_closes_a_connection_while_somebody_hangs_up_on_it(
    watched: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed_meanwhile = []
    with watched.direct() as connection:
        info = connection.connection.info
        line = WatchedConnection.connect(info.dsn, password=info.password)
    closer, number = threading.Thread(target=line.close), line.fileno()

    def asked() -> int:
        closer.start()
        closer.join(timeout=0.2)  # it would be done by then
        closed_meanwhile.append(line.closed)
        return number

    monkeypatch.setattr(line, "fileno", asked)
    line.hang_up()
    closer.join(timeout=20)
    assert (closed_meanwhile, line.closed) == ([False], True)


def test_a_machine_that_is_gone_is_noticed(watched: Database) -> None:
    with watched.direct() as connection:
        line = socket.socket(fileno=connection.connection.fileno())
        try:
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 25_000
        finally:
            line.detach()
