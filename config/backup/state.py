"""What a database holds, in a few figures that a backup carries and a restore must find again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

_COUNTED = (
    "ledger.entry",
    "ledger.movement",
    "ledger.lot",
    "network.member",
    "network.merchant",
    "network.obligation",
    "network.statement",
    "network.money_entry",
    "network.payment",
    "network.operator",
)
_HEADS = {
    "seal": """
        SELECT business_date::text AS business_date, encode(head, 'hex') AS head, key_id
        FROM ledger.seal ORDER BY business_date DESC LIMIT 1
    """,
    "audit_log": """
        SELECT sequence, encode(hash, 'hex') AS hash
        FROM network.audit_log ORDER BY sequence DESC LIMIT 1
    """,
    "days": """
        SELECT (SELECT max(business_date)::text FROM ledger.business_day) AS open,
               (SELECT max(business_date)::text FROM network.settlement_run
                WHERE state = 'done') AS settled
    """,
    "installation": "SELECT simulated FROM network.installation",
    "functions": """
        SELECT count(*) AS files, encode(sha256(convert_to(
            string_agg(name || ' ' || digest, ',' ORDER BY name COLLATE "C"), 'UTF8')), 'hex')
            AS digest
        FROM network.repeatable
    """,
}


def state_of(connection: Connection) -> dict[str, Any]:
    """Return revision, row counts and heads of the chains of a database, as JSON has them."""
    found: dict[str, Any] = {
        "revision": connection.execute(
            text("SELECT version_num FROM network.alembic_version")
        ).scalar_one(),
        "rows": {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in _COUNTED
        },
    }
    for name, statement in _HEADS.items():
        row = connection.execute(text(statement)).one_or_none()
        found[name] = None if row is None else dict(row._mapping)  # noqa: SLF001 - public name
    return found


def table_count(connection: Connection) -> int:
    """Return how many tables a dump has rows of: what its progress counts up to."""
    return int(
        connection.execute(
            text("""
                SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            """)
        ).scalar_one()
    )


def is_empty(connection: Connection) -> bool:
    """Return whether nothing of Peyvand's stands in a database yet."""
    return not connection.execute(
        text("""
            SELECT EXISTS (SELECT FROM pg_class AS c
                           JOIN pg_namespace AS n ON n.oid = c.relnamespace
                           WHERE n.nspname IN ('network', 'ledger', 'ledger_archive'))
        """)
    ).scalar_one()
