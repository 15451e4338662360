"""The tables that Python knows are the tables that the migration made."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from network.database.base import LEDGER_SCHEMA
from network.database.connection import Database
from network.ledger import tables
from tests.integration.ledger.conftest import Hands

SPREADS = [
    (7, [1, 3, 3], [1, 3, 3]),
    (1, [1, 3, 3], [0, 1, 0]),
    (10, [1, 1, 1], [4, 3, 3]),
    (0, [0, 0], [0, 0]),
    (5, [0, 9], [0, 5]),
    (2, [1, 1, 1, 1], [1, 1, 0, 0]),
]

_STATISTICS = """
    SELECT format('%s.%s', c.attrelid::regclass, c.attname)
    FROM pg_inherits AS i
    JOIN pg_class AS t ON t.oid = i.inhrelid AND t.relkind = 'r'
    JOIN pg_attribute AS p ON p.attrelid = i.inhparent AND p.attnum > 0
    JOIN pg_attribute AS c ON c.attrelid = i.inhrelid AND c.attname = p.attname
    WHERE c.attstattarget IS DISTINCT FROM p.attstattarget
"""


def test_the_tables_equal_the_schema(database: Database) -> None:
    def ours(name: str | None, kind: str, parents: Any) -> bool:
        if kind == "schema":
            return name == LEDGER_SCHEMA
        # Partitions come and go with the days; they are copies of their parents.
        return kind != "table" or f"{LEDGER_SCHEMA}.{name}" in tables.entry.metadata.tables

    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": ours,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        differences = [
            difference
            for difference in compare_metadata(context, tables.entry.metadata)
            if f"schema='{LEDGER_SCHEMA}'" in repr(difference)
            or f"'{LEDGER_SCHEMA}'" in repr(difference)
        ]
    assert differences == []


def test_a_lot_is_open_while_something_remains(hands: Hands, owner_database: Database) -> None:
    hands.earn(hands.wallet(), 10)
    with owner_database.ledger() as connection:
        for change in ("open = NOT open", "remaining = 0, redeemed = granted", "open = NULL"):
            with pytest.raises(IntegrityError):
                connection.execute(text(f"UPDATE ledger.lot SET {change}"))


@pytest.mark.parametrize(
    "change",
    [
        "lot SET price = 'NaN'",
        "lot SET price = -0.01",
        "lot SET expires_on = 'infinity'",
        "lot SET active_from = '-infinity'",
        "reference SET merchant_ref = ''",
    ],
)
def test_nobody_prices_with_no_number_or_lives_for_ever_or_has_no_name(
    hands: Hands, owner_database: Database, change: str
) -> None:
    hands.earn(hands.wallet(), 10)
    with owner_database.ledger() as connection, pytest.raises(IntegrityError):
        connection.execute(text(f"UPDATE ledger.{change}"))


def test_partitions_do_without_the_statistics_that_their_parents_do_without(
    owner_database: Database,
) -> None:
    with owner_database.ledger() as connection:
        differing = connection.execute(text(_STATISTICS)).scalars().all()
        bulky = connection.execute(
            text("SELECT count(*) FROM pg_attribute WHERE attstattarget = 0")
        ).scalar_one()
    assert differing == []
    assert bulky > 20


@pytest.mark.parametrize(("total", "weights", "shares"), SPREADS)
def test_shares_are_whole_fair_and_add_up(
    total: int, weights: list[int], shares: list[int], owner_database: Database
) -> None:
    with owner_database.ledger() as connection:
        answer = connection.execute(
            text("SELECT ledger.spread(:total, CAST(:weights AS bigint[]))"),
            {"total": total, "weights": weights},
        ).scalar_one()
    assert answer == shares
