"""See sql/0039_member_freezes.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0039_member_freezes.sql."""
    run_sql("0039_member_freezes.sql")
