"""See sql/0020_reconciliation.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0020"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0020_reconciliation.sql."""
    run_sql("0020_reconciliation.sql")
