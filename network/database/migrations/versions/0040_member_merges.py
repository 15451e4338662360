"""See sql/0040_member_merges.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0040_member_merges.sql."""
    run_sql("0040_member_merges.sql")
