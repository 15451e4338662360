"""See sql/0033_pools.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0033"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0033_pools.sql."""
    run_sql("0033_pools.sql")
