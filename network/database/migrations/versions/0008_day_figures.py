"""See sql/0008_day_figures.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0008_day_figures.sql."""
    run_sql("0008_day_figures.sql")
