"""See sql/0010_campaigns.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0010_campaigns.sql."""
    run_sql("0010_campaigns.sql")
