"""Runs the plain SQL that stands beside a migration."""

from __future__ import annotations

from pathlib import Path

from alembic import op

SQL = Path(__file__).parent / "sql"


def run_sql(name: str) -> None:
    """Execute every statement of ``sql/NAME``; a file without statements does nothing."""
    source = (SQL / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(source.replace("%", "%%"))
