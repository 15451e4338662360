"""See sql/0038_cancelled_values.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0038_cancelled_values.sql."""
    run_sql("0038_cancelled_values.sql")
