"""See sql/0003_merchants_programme.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0003_merchants_programme.sql."""
    run_sql("0003_merchants_programme.sql")
