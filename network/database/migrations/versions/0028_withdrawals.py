"""See sql/0028_withdrawals.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0028"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0028_withdrawals.sql."""
    run_sql("0028_withdrawals.sql")
