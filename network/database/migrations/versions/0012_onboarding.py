"""See sql/0012_onboarding.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0012_onboarding.sql."""
    run_sql("0012_onboarding.sql")
