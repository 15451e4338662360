"""See sql/0006_operators_signing.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0006_operators_signing.sql."""
    run_sql("0006_operators_signing.sql")
