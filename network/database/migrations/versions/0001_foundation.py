"""See sql/0001_foundation.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0001_foundation.sql."""
    run_sql("0001_foundation.sql")
