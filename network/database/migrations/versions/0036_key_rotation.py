"""See sql/0036_key_rotation.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0036_key_rotation.sql."""
    run_sql("0036_key_rotation.sql")
