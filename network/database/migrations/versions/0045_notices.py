"""See sql/0045_notices.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0045_notices.sql."""
    run_sql("0045_notices.sql")
