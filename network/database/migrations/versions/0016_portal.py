"""See sql/0016_portal.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0016"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0016_portal.sql."""
    run_sql("0016_portal.sql")
