"""See sql/0009_month_ends_archive.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0009_month_ends_archive.sql."""
    run_sql("0009_month_ends_archive.sql")
