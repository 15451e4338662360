"""A ledger with a past: N postings on one business day, and a tenth as many on days before it.

Filled set by set as the superuser (history.sql says how), indexes as they are in the product. The
days are opened, closed, sealed and settled by the product's own code afterwards; the audit finds
nothing to object to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from string import Template

from sqlalchemy import text

from network.clock import day_start, local_date, wall_now
from network.database.installation import move_clock
from network.ledger.partitions import open_first_day
from network.settings import PROGRAMME_ZONE
from network.signing.service import ensure_keys
from settlement.nightly import run_night
from tests.benchmarks.sql import EXPLANATION, MERCHANTS
from tests.benchmarks.stand import Stand

DAYS_BEFORE = 35
"""So many business days lead to the last one that its month is never the only one."""

_POSTINGS_PER_GROUP = 16.0
_POSTINGS_PER_MEMBER = 10
_SQL = Path(__file__).with_name("history.sql")
_LAST_DAYS_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a ledger was filled with; ``last`` is closed by nobody yet and not settled."""

    first: date
    last: date
    postings: int
    entries: int
    postings_of_last: int
    seconds: float


def fill(stand: Stand, *, postings: int, say: Callable[[str], None]) -> History:
    """Fill an empty installation with ``postings`` or a little more, on its last day alone."""
    began = time.monotonic()
    last = local_date(wall_now(), zone=PROGRAMME_ZONE) - timedelta(days=1)
    first = last - timedelta(days=DAYS_BEFORE)
    with stand.services.database.unit_of_work() as session:
        ensure_keys(session, stand.services.vault, now=wall_now())
        open_first_day(session, business_date=first)
    with stand.postgres.connect(database="peyvand") as connection:
        connection.execute("UPDATE network.installation SET simulated = true")
        # As a restore would: what the rows say is held against the rules by the audit afterwards.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET work_mem = '256MB'")
        for name, statements in _steps(postings=postings, first=first, last=last):
            say(f"{postings:,} postings: {name}")
            connection.execute(statements.encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    with stand.services.database.reading() as session:
        counts = session.execute(
            text("""
                SELECT 2 * count(*) AS postings, (SELECT count(*) FROM ledger.entry) AS entries,
                       2 * count(*) FILTER (WHERE business_date = :last) AS of_last
                FROM ledger.movement
            """),
            {"last": last},
        ).one()
    return History(
        first=first,
        last=last,
        postings=counts.postings,
        entries=counts.entries,
        postings_of_last=counts.of_last,
        seconds=time.monotonic() - began,
    )


def settle_before(stand: Stand, history: History) -> None:
    """Settle the days before the last one, each on its own morning after; stop on the last one's.

    On a later morning a night would end lots that the days after it still have to give.
    """
    day = history.first
    while day < history.last:
        _move_to_morning_after(stand, day=day)
        run_night(stand.services, started_by="bench", business_date=day)
        day += timedelta(days=1)
    _move_to_morning_after(stand, day=history.last)


def _move_to_morning_after(stand: Stand, *, day: date) -> None:
    morning = day_start(day + timedelta(days=1), zone=PROGRAMME_ZONE) + timedelta(minutes=5)
    with stand.services.database.unit_of_work() as session:
        move_clock(session, to=morning, wall=wall_now())


def _steps(*, postings: int, first: date, last: date) -> list[tuple[str, str]]:
    values = {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "merchants": str(MERCHANTS),
        "members": str(max(100, postings // _POSTINGS_PER_MEMBER)),
        "groups": str(int(postings / _POSTINGS_PER_GROUP / _LAST_DAYS_SHARE)),
        "explanation": f"'{EXPLANATION}'",
    }
    script = _SQL.read_text(encoding="utf-8")
    for kind, digit in (("member", "a"), ("merchant", "b"), ("terms", "c")):
        script = script.replace(f"${kind}_of(", f"made.uuid_of('{digit}', ")
    _, *parts = Template(script).substitute(values).split("\n-- :step ")
    return [(name, statements) for name, _, statements in (p.partition("\n") for p in parts)]
