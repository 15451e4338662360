"""See sql/0004_members_messaging.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0004_members_messaging.sql."""
    run_sql("0004_members_messaging.sql")
