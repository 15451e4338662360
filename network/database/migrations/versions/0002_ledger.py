"""See sql/0002_ledger.sql and sql/0002_ledger_guards.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the tables, then what guards them."""
    run_sql("0002_ledger.sql")
    run_sql("0002_ledger_guards.sql")
