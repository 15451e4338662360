"""Connections of the driver's own: kept, replaced when cut, closed when left in the middle."""

from __future__ import annotations

import pytest
from sqlalchemy import Text, bindparam, literal, select, text
from sqlalchemy.exc import DBAPIError

from network.database.connection import Database, DatabaseUnavailableError
from network.database.driver import Channel, rows_of
from tests.fixtures.cluster import Cluster
from tests.integration.services.helpers import wait_for

_WHO = text("SELECT pg_catalog.pg_backend_pid() AS pid")
_NAMED = select(bindparam("given", type_=Text()).label("given"), literal("100 %").label("share"))


def pid(channel: Channel) -> int:
    found: int = rows_of(channel, _WHO, {})[0].pid
    return found


def test_a_connection_is_kept_until_it_is_of_no_use(database: Database, cluster: Cluster) -> None:
    with database.direct() as connection, database.direct() as beside:
        first = pid(connection)
        assert pid(beside) != first
    with database.direct() as connection:
        first = pid(connection)
    with database.direct() as connection:
        assert pid(connection) == first
    with cluster.administrator() as administrator:
        administrator.execute("SELECT pg_terminate_backend(%s)", [first])
        there = "SELECT FROM pg_stat_activity WHERE pid = %s"
        wait_for(lambda: administrator.execute(there, [first]).fetchone() is None)
    with database.direct() as connection:
        second = pid(connection)
        assert second != first
        connection.execute("BEGIN")
    with database.direct() as connection:
        assert pid(connection) != second


def test_every_way_gives_the_same_rows(database: Database) -> None:
    given = {"given": "7"}
    with database.direct() as direct, database.ledger() as alone, database.reading() as session:
        rows = [rows_of(each, _NAMED, given) for each in (direct, direct, alone, session)]
    assert [(row.given, row.share) for found in rows for row in found] == [("7", "100 %")] * 4


def test_errors_come_out_as_sqlalchemys(database: Database) -> None:
    with database.direct() as connection:
        with pytest.raises(DBAPIError) as caught:
            rows_of(connection, text("SELECT 1 / :nought"), {"nought": 0})
        assert not caught.value.connection_invalidated
        assert pid(connection)
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError), nowhere.direct():
        pass
