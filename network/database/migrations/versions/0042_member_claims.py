"""See sql/0042_member_claims.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0042_member_claims.sql."""
    run_sql("0042_member_claims.sql")
