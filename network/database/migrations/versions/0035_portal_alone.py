"""See sql/0035_portal_alone.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0035"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0035_portal_alone.sql."""
    run_sql("0035_portal_alone.sql")
