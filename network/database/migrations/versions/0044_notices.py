"""See sql/0044_notices.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0044_notices.sql."""
    run_sql("0044_notices.sql")
