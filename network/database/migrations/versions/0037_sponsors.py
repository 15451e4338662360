"""See sql/0037_sponsors.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0037"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0037_sponsors.sql."""
    run_sql("0037_sponsors.sql")
