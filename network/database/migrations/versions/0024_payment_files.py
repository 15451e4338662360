"""See sql/0024_payment_files.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0024"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0024_payment_files.sql."""
    run_sql("0024_payment_files.sql")
