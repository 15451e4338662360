"""See sql/0041_taxed_obligations.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0041_taxed_obligations.sql."""
    run_sql("0041_taxed_obligations.sql")
