"""See sql/0043_editions.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0043_editions.sql."""
    run_sql("0043_editions.sql")
