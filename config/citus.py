"""Distributes a migrated, empty database over the nodes of a Citus cluster (docs/scaling.md).

    python -m config.citus postgresql://owner@coordinator/peyvand            shows the statements
    python -m config.citus postgresql://owner@coordinator/peyvand --apply    and executes them

Everything that is special to Citus stands here, so that the schema knows nothing of it. Run once,
by the owner of the database, after the extension, the roles, the workers and the migrations, and
again after each migration: what is done already is passed over. Statements go one by one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from sqlalchemy import Connection, create_engine, text

from network.settings import database_url

MEMBER_TABLES = (
    "ledger.wallet",  # the first: all others are placed with it
    *("ledger.lot", "ledger.entry", "ledger.movement", "ledger.taken_back", "ledger.redeposited"),
    *("ledger.reference", "ledger.hold", "ledger.hold_slice", "ledger.debt", "ledger.idempotency"),
    *("ledger.evidence", "ledger.used_code", "ledger.opening"),
    *("ledger.campaign_taking", "ledger.campaign_person", "ledger.shared_person"),
)
"""Distributed by member_id."""

PLACED_WITH_THEM = (
    "network.outbox",
    *("ledger_archive.entry", "ledger_archive.movement"),
)
REFERENCE_TABLES = (
    *("ledger.business_day", "ledger.seal", "ledger.month_end", "ledger.suspended_issuer"),
    *("ledger.campaign", "ledger.campaign_slice"),
)
"""A few rows a day, read by every operation, and campaigns' budgets: on every node."""

TWO_MEMBERS = frozenset({"transfer", "join_pool", "leave_pool", "merge", "forward"})
"""Their wallets may lie on two nodes: run by the coordinator, which commits in two phases."""

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Whose shard keeps the events that are about no member."""

# Triggers on distributed tables are not supported; rights already keep the application out.
_TRIGGERS = text("""
    SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
    FROM pg_catalog.pg_trigger AS t
    WHERE t.tgrelid::regclass = ANY (CAST(:tables AS regclass[]))
      AND NOT t.tgisinternal AND t.tgparentid = 0
    ORDER BY 1
""")
_KEY = text("""
    SELECT pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint AS c
    WHERE c.conrelid = CAST(:table AS regclass) AND c.contype = 'p'
""")
_DISTRIBUTED = text("SELECT logicalrelid::regclass::text FROM pg_dist_partition")
_FUNCTIONS = text("""
    SELECT p.proname AS name, p.oid::regprocedure::text AS signature,
           pg_get_functiondef(p.oid) AS definition,
           coalesce(p.proargnames[1] = 'p_member', false) AS of_member,
           has_function_privilege('peyvand_app', p.oid, 'EXECUTE') AND p.prosecdef AS public
    FROM pg_catalog.pg_proc AS p
    WHERE p.pronamespace = 'ledger'::regnamespace AND p.prokind = 'f'
    ORDER BY p.oid
""")

# A key must hold the member here, so a cluster cannot see that another member used the same one.
_SWAPS = (
    ("(client_id, key) DO NOTHING", "(member_id, client_id, key) DO NOTHING"),
    (
        "i.client_id = p_claim.client_id",
        "i.member_id = p_member AND i.client_id = p_claim.client_id",
    ),
    (
        "k.client_id = i.merchant_id",
        "k.member_id = i.member_id AND k.client_id = i.merchant_id",
    ),
)


def steps(connection: Connection) -> Iterator[str]:
    """Yield the statements that are missing, in order; each sees what the ones before it did."""
    yield from _drop_triggers(connection)
    yield from _swap_keys(connection)
    yield from _swap_functions(connection)
    yield from _distribute_tables(connection)
    yield from _distribute_functions(connection)
    yield from _revoke_on_workers()


def _drop_triggers(connection: Connection) -> Iterator[str]:
    tables = [*MEMBER_TABLES, *PLACED_WITH_THEM]
    yield from connection.execute(_TRIGGERS, {"tables": tables}).scalars().all()


def _swap_keys(connection: Connection) -> Iterator[str]:
    for table, name, key in (
        ("ledger.idempotency", "pk_idempotency", "(member_id, client_id, key)"),
        ("network.outbox", "pk_outbox", "(member_id, event_id)"),
    ):
        if connection.execute(_KEY, {"table": table}).scalar() == f"PRIMARY KEY {key}":
            continue
        if table == "network.outbox":
            yield f"UPDATE {table} SET member_id = '{NOBODY}' WHERE member_id IS NULL"
            yield f"ALTER TABLE {table} ALTER member_id SET DEFAULT '{NOBODY}'"
            yield f"ALTER TABLE {table} ALTER member_id SET NOT NULL"
        yield f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} PRIMARY KEY {key}"


def _swap_functions(connection: Connection) -> Iterator[str]:
    for function in connection.execute(_FUNCTIONS).all():
        swapped = function.definition
        for alone, with_member in _SWAPS:
            if with_member.split(" AND ")[0] not in swapped:
                swapped = swapped.replace(alone, with_member)
        if swapped != function.definition:
            yield swapped


def _distribute_tables(connection: Connection) -> Iterator[str]:
    known = set(connection.execute(_DISTRIBUTED).scalars())
    for table in REFERENCE_TABLES:
        if table not in known:
            yield f"SELECT create_reference_table('{table}')"
    for table in (*MEMBER_TABLES, *PLACED_WITH_THEM):
        if table not in known:
            where = "default" if table == MEMBER_TABLES[0] else MEMBER_TABLES[0]
            yield (
                f"SELECT create_distributed_table('{table}', 'member_id', "
                f"colocate_with => '{where}')"
            )


def _distribute_functions(connection: Connection) -> Iterator[str]:
    """Helpers too: what a PL/pgSQL body calls is no dependency that Citus would follow."""
    for function in connection.execute(_FUNCTIONS).all():
        if function.public and function.of_member and function.name not in TWO_MEMBERS:
            yield (
                f"SELECT create_distributed_function('{function.signature}', 'p_member', "
                f"colocate_with => '{MEMBER_TABLES[0]}')"
            )
        else:
            yield f"SELECT create_distributed_function('{function.signature}')"


def _revoke_on_workers() -> Iterator[str]:
    """Default privileges stop at the coordinator: on the workers everybody might execute."""
    revoke = "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC"
    yield revoke
    yield f"SELECT run_command_on_workers('{revoke}')"


def main(arguments: list[str] | None = None) -> None:
    """Show the statements; execute each in a transaction of its own where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", help="the owner's URL of the database on the coordinator")
    parser.add_argument("--apply", action="store_true", help="execute the statements")
    options = parser.parse_args(arguments)
    engine = create_engine(database_url(options.url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in steps(connection):
                sys.stdout.write(f"{statement};\n\n")
                if options.apply:
                    connection.exec_driver_sql(statement.replace("%", "%%"))
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
