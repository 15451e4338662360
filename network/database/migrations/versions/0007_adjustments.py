"""See sql/0007_adjustments.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0007_adjustments.sql."""
    run_sql("0007_adjustments.sql")
