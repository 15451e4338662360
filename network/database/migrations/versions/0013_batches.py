"""See sql/0013_batches.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0013_batches.sql."""
    run_sql("0013_batches.sql")
