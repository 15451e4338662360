"""The nightly run's own row: who holds it, how far it is, how it ended.

One row per business day. Its holder writes a heartbeat; a holder not heard of for too long (on
the database's clock) loses the run to the next who asks. Every write names the claim that it was
made under, so whoever lost a run finds out and changes nothing more.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql import bindparam

from network.clearing.facts import RunView
from network.errors import PeyvandError
from network.events.service import publish

_COLUMNS = (
    "run_id, business_date, window_id, run_key, version, input_hash, state, step, done, total, "
    "started_by, started_at, heartbeat_at, finished_at, control_totals, error_code, error"
)


NIGHT_ENDED = "settlement.night_ended"
"""The topic of the event that a night is over, well or not."""


class ClaimLostError(PeyvandError):
    """Another process took the run over, because this one was not heard of in time."""

    code = "settlement_claim_lost"


class InputChangedError(PeyvandError):
    """The run's key was used before, with other input: a closed day would settle differently."""

    code = "settlement_input_changed"


def claim(
    session: Session,
    *,
    run_id: UUID,
    business_date: date,
    run_key: str,
    version: int,
    token: UUID,
    started_by: str,
    stale_after: timedelta,
) -> RunView | None:
    """Claim the run of a day for ``token``; return it, or ``None`` where it cannot be had.

    It can be had when it is new, when it failed or was stopped, and when its holder's heartbeat
    is older than ``stale_after``. A finished run cannot.
    """
    row = session.execute(
        text(f"""
            INSERT INTO network.settlement_run
                (run_id, business_date, run_key, version, state, step, claim, started_by)
            VALUES (:run_id, :business_date, :run_key, :version, 'running', 'close', :token,
                    :started_by)
            ON CONFLICT (business_date) WHERE settlement_run.state <> 'aborted' DO UPDATE
            SET claim = excluded.claim, state = 'running', started_by = excluded.started_by,
                heartbeat_at = clock_timestamp(), finished_at = NULL, control_totals = NULL,
                error_code = NULL, error = NULL
            WHERE settlement_run.state IN ('failed', 'stopped')
               OR (settlement_run.state = 'running'
                   AND settlement_run.heartbeat_at < clock_timestamp() - :stale_after)
            RETURNING {_COLUMNS}
        """),
        {
            "run_id": run_id,
            "business_date": business_date,
            "run_key": run_key,
            "version": version,
            "token": token,
            "started_by": started_by,
            "stale_after": stale_after,
        },
    ).one_or_none()
    return None if row is None else run_view(row)


def find(session: Session, *, business_date: date) -> RunView | None:
    """Return the run of a day, ``None`` where nobody has started it; aborted ones are history."""
    row = session.execute(
        text(f"""
            SELECT {_COLUMNS} FROM network.settlement_run
            WHERE business_date = :day AND state <> 'aborted'
        """),
        {"day": business_date},
    ).one_or_none()
    return None if row is None else run_view(row)


def aborted(session: Session, *, business_date: date) -> list[RunView]:
    """Return the runs of a day whose windows were aborted, the latest first."""
    rows = session.execute(
        text(f"""
            SELECT {_COLUMNS} FROM network.settlement_run
            WHERE business_date = :day AND state = 'aborted' ORDER BY started_at DESC
        """),
        {"day": business_date},
    )
    return [run_view(row) for row in rows]


def beat(session: Session, *, run_id: UUID, token: UUID) -> None:
    """Say that the holder lives; raise ClaimLostError."""
    _update(session, "heartbeat_at = clock_timestamp()", run_id=run_id, token=token)


def advance(
    session: Session, *, run_id: UUID, token: UUID, step: str, done: int = 0, total: int = 0
) -> None:
    """Store how far the run is; raise ClaimLostError. Locks the run until the commit."""
    _update(
        session,
        "step = :step, done = :done, total = :total, heartbeat_at = clock_timestamp()",
        run_id=run_id,
        token=token,
        step=step,
        done=done,
        total=total,
    )


def fix_input(
    session: Session, *, run_id: UUID, token: UUID, window_id: UUID, input_hash: bytes
) -> None:
    """Store what the run reckons from; raise InputChangedError if it was something else before."""
    _update(
        session,
        "window_id = :window_id, input_hash = coalesce(input_hash, :input_hash)",
        run_id=run_id,
        token=token,
        window_id=window_id,
        input_hash=input_hash,
    )
    stored = session.execute(
        text("SELECT input_hash FROM network.settlement_run WHERE run_id = :run_id"),
        {"run_id": run_id},
    ).scalar_one()
    if bytes(stored) != input_hash:
        raise InputChangedError("this run was started with other input than is found now")


def finish(
    session: Session,
    *,
    run_id: UUID,
    token: UUID,
    state: str,
    control_totals: dict[str, Any] | None,
    error_code: str | None = None,
    error: str | None = None,
) -> None:
    """Store how the run ended (done, failed or stopped), and announce it; raise ClaimLostError."""
    _update(
        session,
        "state = :state, control_totals = :control_totals, error_code = :error_code, "
        "error = :error, finished_at = clock_timestamp()"
        + (", step = 'done', done = 0, total = 0" if state == "done" else ""),
        run_id=run_id,
        token=token,
        state=state,
        control_totals=control_totals,
        error_code=error_code,
        error=error,
    )
    day = session.execute(
        text("SELECT business_date FROM network.settlement_run WHERE run_id = :id"), {"id": run_id}
    ).scalar_one()
    publish(session, topic=NIGHT_ENDED, payload={"business_date": day.isoformat(), "state": state})


def last_done(session: Session) -> date | None:
    """Return the latest business day that is settled; days settle in order, so all before are."""
    found = session.execute(
        text("SELECT max(business_date) FROM network.settlement_run WHERE state = 'done'")
    ).scalar_one()
    return found if isinstance(found, date) else None


def run_view(row: Row[Any]) -> RunView:
    """Return the view of a row that has a run's columns."""
    return RunView(**row._mapping)  # noqa: SLF001 - a public name of SQLAlchemy


def _update(
    session: Session, assignments: str, *, run_id: UUID, token: UUID, **values: object
) -> None:
    statement = text(f"""
        UPDATE network.settlement_run SET {assignments}
        WHERE run_id = :run_id AND claim = :token AND state = 'running'
    """)
    if "control_totals" in values:
        statement = statement.bindparams(
            bindparam("control_totals", type_=JSONB(none_as_null=True))
        )
    changed = session.execute(statement, {"run_id": run_id, "token": token, **values})
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise ClaimLostError("another process has taken this run over")
