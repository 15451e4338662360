"""See sql/0015_webhooks.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0015_webhooks.sql."""
    run_sql("0015_webhooks.sql")
