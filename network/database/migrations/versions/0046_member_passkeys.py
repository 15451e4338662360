"""See sql/0046_member_passkeys.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0046_member_passkeys.sql."""
    run_sql("0046_member_passkeys.sql")
