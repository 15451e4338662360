"""Alembic's environment: the connection is handed in by ``network.database.migrate``."""

from __future__ import annotations

from alembic import context

from network.database.base import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    include_schemas=True,
    version_table_schema="network",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
