"""See sql/0047_questions.sql."""

from __future__ import annotations

from network.database.migrations.run_sql import run_sql

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply sql/0047_questions.sql."""
    run_sql("0047_questions.sql")
