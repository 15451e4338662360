"""Connections of the driver's own: kept, replaced when cut, closed when left in the middle."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import Text, bindparam, literal, select, text
from sqlalchemy.exc import DBAPIError

from network.database.connection import (
    Database,
    DatabaseUnavailableError,
    StatementTimeoutError,
)
from network.database.driver import Channel, rows_of
from network.errors import UnavailableError
from tests.fixtures.cluster import Cluster
from tests.integration.services.helpers import wait_for

_WHO = text("SELECT pg_catalog.pg_backend_pid() AS pid")
_NAMED = select(bindparam("given", type_=Text()).label("given"), literal("100 %").label("share"))


def pid(channel: Channel) -> int:
    found: int = rows_of(channel, _WHO, {})[0].pid
    return found


def ended(process: int) -> bool:
    """Return whether a server process is gone, and its end of the connection with it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


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
        wait_for(lambda: ended(first))  # a little after it has left pg_stat_activity
    with database.direct() as connection:
        second = pid(connection)
        assert second != first
        connection.connection.execute("BEGIN")
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


@pytest.mark.parametrize(
    ("sqlstate", "code"),
    [
        ("08006", "database_unavailable"),
        ("57P03", "database_unavailable"),
        ("53300", "database_unavailable"),
        ("57014", "statement_timeout"),
        ("40P01", "busy"),
        ("55P03", "busy"),
        ("53100", "database_full"),
        ("53200", "database_full"),
    ],
)
def test_what_ails_the_server_is_told_apart(database: Database, sqlstate: str, code: str) -> None:
    failing = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(UnavailableError) as caught, database.unit_of_work() as session:
        session.execute(text(failing))
    assert caught.value.code == code


def test_a_statement_that_takes_too_long_is_no_database_that_is_away(database: Database) -> None:
    with pytest.raises(StatementTimeoutError):
        dawdle(database)


def dawdle(database: Database) -> None:
    with database.unit_of_work() as session:
        session.execute(text("SET LOCAL statement_timeout = 1"))
        session.execute(text("SELECT pg_sleep(60)"))


def test_what_says_nothing_of_the_server_stays_what_it_is(database: Database) -> None:
    with pytest.raises(DBAPIError, match="division by zero"), database.unit_of_work() as session:
        session.execute(text("SELECT 1 / 0"))
