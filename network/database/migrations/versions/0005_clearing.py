"""See sql/0005_clearing.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0005_clearing.sql."""
    run_sql("0005_clearing.sql")
