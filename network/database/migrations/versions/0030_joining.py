"""See sql/0030_joining.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0030_joining.sql."""
    run_sql("0030_joining.sql")
