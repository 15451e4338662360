"""See sql/0031_spend_requests.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0031"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0031_spend_requests.sql."""
    run_sql("0031_spend_requests.sql")
