"""See sql/0014_money_payments.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0014_money_payments.sql."""
    run_sql("0014_money_payments.sql")
