"""See sql/0017_sandboxes.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0017"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0017_sandboxes.sql."""
    run_sql("0017_sandboxes.sql")
