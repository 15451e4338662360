"""See sql/0021_points_proofs.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0021"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0021_points_proofs.sql."""
    run_sql("0021_points_proofs.sql")
