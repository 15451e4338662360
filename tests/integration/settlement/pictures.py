"""What a settled network looks like, to be compared as a whole."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from network.clearing import queries
from network.clearing.statements import statement_csv, statement_json
from network.database.connection import Database
from network.services import Services
from settlement.nightly import Result, run_night

_FACTS = {
    "settlement_window": "window_id, first_day, end_day, state",
    "settlement_run": "run_id, business_date, window_id, run_key, input_hash, state, step, "
    "control_totals, error_code, error",
    "obligation": "*",
    "net_position": "*",
    "statement": "*",
    "money_entry": "money_entry_id, kind, business_date, window_id, payment_id",
    "money_posting": "*",
    "payment": "*",
    "direct_payment": "*",
    "statement_reserve": "*",
}


def settle(services: Services, day: date) -> Result:
    """Run a night with a short life of the heartbeat, as tests can wait for."""
    return run_night(
        services,
        business_date=day,
        started_by="test",
        patience=timedelta(seconds=30),
        stale_after=timedelta(seconds=1),
    )


def facts(database: Database) -> dict[str, list[str]]:
    """Return every row of clearing but for its times, as text."""
    found = {}
    with database.reading() as session:
        for table, columns in _FACTS.items():
            rows = session.scalars(
                text(f"SELECT row_to_json(t)::text FROM (SELECT {columns} FROM network.{table}) t")
            )
            found[table] = sorted(rows)
    return found


def documents(services: Services, day: date) -> dict[str, tuple[bytes, bytes]]:
    """Return every statement of a day's window as JSON and CSV, by merchant."""
    found = {}
    with services.database.reading() as session:
        window = queries.window_of(session, business_date=day)
        assert window is not None
        for statement in queries.statements(session, window=window):
            lines = list(queries.statement_lines(session, statement=statement))
            found[statement.merchant.code] = (
                b"".join(statement_json(statement, lines=lines, entry_ids=services.entry_ids)),
                b"".join(statement_csv(statement, lines=lines, entry_ids=services.entry_ids)),
            )
    return found


def run_row(database: Database, day: date) -> dict[str, Any]:
    """Return the state, step and failure of a day's run."""
    with database.reading() as session:
        row = session.execute(
            text("""
                SELECT state, step, error_code, error, control_totals
                FROM network.settlement_run WHERE business_date = :day
            """),
            {"day": day},
        ).one_or_none()
    return {} if row is None else dict(row._mapping)
