"""Code and schema agree: tables, rights, functions, and how the functions are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text

import network
from network.database.base import metadata
from network.database.migrate import alembic_config
from tests.fixtures.cluster import Cluster

WITHOUT_MODELS = {"alembic_version", "installation", "migration", "repeatable"}
"""Read and written by the migrations and two functions with plain SQL."""


@pytest.fixture(scope="module")
def engine(cluster: Cluster) -> Iterator[Engine]:
    with cluster.fresh_database() as name:
        engine = create_engine(cluster.url("peyvand_owner", database=name))
        yield engine
        engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose changes, also of the schema, are rolled back after the test."""
    with engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def partitions(connection: Connection) -> set[str]:
    rows = connection.execute(text("SELECT relname FROM pg_class WHERE relispartition"))
    return set(rows.scalars())


def differences(connection: Connection, partitions: set[str]) -> list[Any]:
    """Return what Alembic would change: tables, columns, types, defaults, indexes, constraints.

    It does not compare check constraints; those stand in the migrations alone.
    """
    for path in sorted(Path(network.__file__).parent.glob("*/models.py")):
        import_module(f"network.{path.parent.name}.models")
    for name in ("tables", "campaign_tables"):
        import_module(f"network.ledger.{name}")

    def include(name: str | None, kind: str, _parents: Any) -> bool:
        """Say no by name, before it is read: there are as many partitions as tables."""
        if kind == "schema":
            return name in {"ledger", "network"}
        return not (kind == "table" and (name in WITHOUT_MODELS or name in partitions))

    context = MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "include_name": include,
            "compare_type": True,
            "compare_server_default": True,
            "version_table_schema": "network",
        },
    )
    found: list[Any] = compare_metadata(context, metadata)
    return found


def test_models_equal_the_migrated_schema(connection: Connection, partitions: set[str]) -> None:
    assert differences(connection, partitions) == []
    assert len(metadata.tables) > 30


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE network.outbox ADD COLUMN extra integer",
        "ALTER TABLE network.outbox ALTER COLUMN topic DROP NOT NULL",
        "ALTER TABLE network.outbox ALTER COLUMN topic TYPE varchar(20)",
        "ALTER TABLE network.store DROP CONSTRAINT fk_store_merchant_id_merchant",
        "DROP INDEX ledger.ix_wallet_due",
        "CREATE TABLE network.unknown (id integer)",
    ],
)
def test_the_comparison_sees_a_change(
    connection: Connection, partitions: set[str], change: str
) -> None:
    connection.execute(text(change))
    assert len(differences(connection, partitions)) == 1


def test_there_is_one_migration_head() -> None:
    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1


FUNCTIONS = text("""
    SELECT p.oid::regprocedure::text AS signature, p.proname AS name, p.prosecdef AS definer,
           coalesce(array_to_string(p.proconfig, ' '), '') AS settings,
           has_function_privilege('peyvand_app', p.oid, 'EXECUTE') AS for_application,
           EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
                   WHERE a.grantee = 0) AS for_everybody
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'ledger'
""")


def test_no_function_is_for_everybody(connection: Connection) -> None:
    functions = connection.execute(FUNCTIONS).all()
    assert len(functions) > 20
    assert [found.signature for found in functions if found.for_everybody] == []


def test_functions_that_run_as_the_owner_fix_their_search_path(connection: Connection) -> None:
    loose = [
        found.signature
        for found in connection.execute(FUNCTIONS)
        if found.definer and "search_path=ledger, pg_temp" not in found.settings
    ]
    assert loose == []


def test_what_the_application_executes_runs_as_the_owner_or_only_reckons(
    connection: Connection,
) -> None:
    """A function with the caller's rights cannot write the ledger, so it must be a pure one."""
    pure = set(
        connection.execute(
            text("SELECT oid::regprocedure::text FROM pg_proc WHERE provolatile <> 'v'")
        ).scalars()
    )
    found = [
        function.signature
        for function in connection.execute(FUNCTIONS)
        if function.for_application and not function.definer and function.signature not in pure
    ]
    assert found == []


def test_the_application_writes_no_table_of_the_ledger(connection: Connection) -> None:
    writable = connection.execute(
        text("""
            SELECT c.relname, r.privilege
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace,
                 unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS r (privilege)
            WHERE n.nspname = 'ledger' AND c.relkind IN ('r', 'p')
              AND (has_table_privilege('peyvand_app', c.oid, r.privilege)
                   OR r.privilege IN ('INSERT', 'UPDATE')
                      AND has_any_column_privilege('peyvand_app', c.oid, r.privilege))
        """)
    ).all()
    assert writable == []


def test_partitions_are_read_through_their_parents_only(connection: Connection) -> None:
    readable = connection.execute(
        text("""
            SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = 'ledger' AND c.relispartition AND c.relkind = 'r'
              AND has_any_column_privilege('peyvand_app', c.oid, 'SELECT')
        """)
    ).all()
    assert readable == []


CALL = re.compile(r"SELECT \* FROM ledger\.[a-z_{}]+\(")
OPERATIONS = sorted((Path(network.__file__).parent / "ledger").glob("operations*.py"))


def test_operations_call_one_function_and_nothing_else() -> None:
    """What reaches a member's node in one trip is the function alone (design: scaling)."""
    calling = (Path(network.__file__).parent / "ledger" / "calling.py").read_text("utf-8")
    statements = re.findall(r"text\(\s*f?\"([^\"]*)", calling)
    assert statements
    assert [statement for statement in statements if not CALL.match(statement)] == []
    for path in OPERATIONS:
        source = path.read_text("utf-8")
        assert "text(" not in source
        assert re.findall(r"ledger\.[a-z_]+\(", source) == []
        assert not re.search(r"\b(select|insert|update|delete)\(", source)


def test_every_function_that_an_operation_names_is_there_for_the_application(
    connection: Connection,
) -> None:
    named = {
        name
        for path in OPERATIONS
        for name in re.findall(r"_function\(\s*\"([a-z_]+)\"", path.read_text("utf-8"))
    }
    granted = {
        found.name
        for found in connection.execute(FUNCTIONS)
        if found.for_application and found.definer
    }
    assert named
    assert named - granted == set()
