"""What grows with the ledger: the night, the audit, and calls on a long history.

Each size is a ledger of its own (``history``): N postings on one business day, a tenth as many
before it. Its night is run from the closing of the day to the published statements, beside the
bare GROUP BY over the same rows, and then the whole ledger is audited.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import text

from config.cli.audit import seal_verifier
from network.clearing import queries
from network.ledger.audit import audit
from settlement.exporting import export_statements
from settlement.night import Report
from settlement.nightly import run_night
from tests.benchmarks import history, sql
from tests.benchmarks.figures import Contender, Figure, take_in_turns
from tests.benchmarks.stand import Stand, open_stand
from tests.benchmarks.watch import Watch

SIZES: Mapping[str, int] = {"100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
Say = Callable[[str], None]

_SETTINGS = {"max_wal_size": "24GB", "autovacuum_naptime": "10min"}
_GROUP_BY = text("""
    SELECT issuer_id, acceptor_id, terms_id, priced_on, source = 'redemption', sum(points), count(*)
    FROM ledger.movement
    WHERE business_date = :day AND (source = 'redemption' OR target = 'redemption')
    GROUP BY 1, 2, 3, 4, 5
""")
_AS_NEW = 0.83
"""Within 1.2 times the time of a new one."""


class AuditFoundError(Exception):
    """The ledger that was made does not pass its audit, so its figures mean nothing."""


@dataclass(slots=True)
class _Steps:
    """The seconds that each step of a night took, and the megabytes that it held at most."""

    watch: Watch
    seconds: dict[str, float] = field(default_factory=dict)
    held: dict[str, tuple[float, float]] = field(default_factory=dict)
    step: str = ""
    since: float = 0.0

    def take(self, report: Report) -> None:
        """End a step where another begins."""
        now = time.monotonic()
        if self.step and report.step != self.step:
            self.seconds[self.step] = now - self.since
            self.held[self.step] = self.watch.lap()
        if report.step != self.step:
            self.step, self.since = report.step, now

    def __str__(self) -> str:
        return ", ".join(
            f"{step} {taken:.1f} s ({self.held[step][0]:,.0f} + {self.held[step][1]:,.0f} MB)"
            for step, taken in self.seconds.items()
        )


def wanted() -> Mapping[str, int]:
    """Return the sizes to measure: all, or those that SIZES names (``100k,1m``)."""
    names = os.environ.get("SIZES")
    return {each: SIZES[each] for each in names.split(",")} if names else SIZES


def measure(*, sizes: Mapping[str, int], rounds: int, seconds: int, say: Say) -> list[Figure]:
    """Return the figures of every size, the smallest first, and of calls on the largest."""
    figures: list[Figure] = []
    for name, postings in sizes.items():
        with open_stand(settings=_SETTINGS) as stand:
            made = history.fill(stand, postings=postings, say=say)
            say(f"{name}: settling the days before")
            history.settle_before(stand, made)
            figures += _night(stand, made, name=name, say=say)
            figures.append(_audit(stand, name=name, say=say))
            if name == [*sizes][-1]:
                figures += _calls(stand, name=name, rounds=rounds, seconds=seconds, say=say)
    return figures


def _night(stand: Stand, made: history.History, *, name: str, say: Say) -> list[Figure]:
    say(f"{name}: the bare GROUP BY")
    bare = [_group_by(stand, made) for _ in range(3)]
    say(f"{name}: the night of {made.postings_of_last:,} postings")
    began, worked = time.monotonic(), time.process_time()
    with Watch(stand) as watch:
        steps = _Steps(watch)
        result = run_night(
            stand.services,
            started_by="bench",
            business_date=made.last,
            progress=steps.take,
        )
    whole, worked = time.monotonic() - began, time.process_time() - worked
    reckoned = steps.seconds["obligations"] + steps.seconds["positions"]
    group_by = _figure(f"groupby_{name}", bare, note="the bare GROUP BY over the day's redemptions")
    return [
        group_by,
        _figure(
            f"obligations_{name}",
            [reckoned],
            to=group_by,
            at_most=3.0,
            note=f"{result.obligations:,} obligations, netted and stored",
        ),
        _figure(
            f"settle_{name}",
            [whole],
            note=f"{made.postings_of_last:,} postings, {result.statements:,} statements; {steps};"
            f" server {watch.cpu_seconds:,.1f} s of processor and {watch.server_mb:,.0f} MB,"
            f" Python {worked:,.1f} s and {watch.python_mb:,.0f} MB",
        ),
        _export(stand, made, name=name, say=say),
    ]


def _export(stand: Stand, made: history.History, *, name: str, say: Say) -> Figure:
    say(f"{name}: every statement as JSON and CSV")
    directory = stand.directory / "statements"
    directory.mkdir()
    with stand.services.database.reading() as session:
        window = queries.window_of(session, business_date=made.last)
    if window is None:
        raise AuditFoundError(f"{made.last} has no window")
    began = time.monotonic()
    with Watch(stand) as watch:
        written = export_statements(
            stand.services.database,
            window=window,
            entry_ids=stand.services.entry_ids,
            directory=directory,
        )
    taken = time.monotonic() - began
    shutil.rmtree(directory)
    return _figure(
        f"statements_{name}",
        [taken],
        note=f"{len(written):,} merchants, {sum(each.lines for each in written):,} lines, JSON and"
        f" CSV; server {watch.server_mb:,.0f} MB, Python {watch.python_mb:,.0f} MB",
    )


def _group_by(stand: Stand, made: history.History) -> float:
    with stand.services.database.snapshot() as session:
        began = time.monotonic()
        session.execute(_GROUP_BY, {"day": made.last}).all()
        return time.monotonic() - began


def _audit(stand: Stand, *, name: str, say: Say) -> Figure:
    say(f"{name}: the audit")
    began = time.monotonic()
    with Watch(stand) as watch, stand.services.database.snapshot() as session:
        found = audit(session, verify=seal_verifier(session))
    taken = time.monotonic() - began
    if wrong := [check.name for check in found if check.differences]:
        raise AuditFoundError(", ".join(wrong))
    return _figure(
        f"audit_{name}",
        [taken],
        note=f"{len(found)} checks; {watch.cpu_seconds:,.0f} s of processor; server"
        f" {watch.server_mb:,.0f} MB, Python {watch.python_mb:,.0f} MB",
    )


def _calls(stand: Stand, *, name: str, rounds: int, seconds: int, say: Say) -> list[Figure]:
    """Measure an earn on the filled ledger in turns with one on a new ledger, and redemptions."""
    with stand.services.database.ledger() as connection:
        connection.execute(
            text(
                f"SELECT count(ledger.open_wallet({sql.uuid_of('member', 'g')}))"
                f" FROM generate_series(1, {sql.MEMBERS}) AS g"
            )
        )
    with open_stand() as new:
        say("a new ledger beside it")
        sql.prepare(new)
        sql.give_closed_lots(new)
        earn = sql.earn_script(merchants=sql.MERCHANTS)
        contenders: Sequence[Contender] = [
            Contender(
                name="sql_earn_new",
                unit="calls/s",
                take=partial(new.run_pgbench, script=earn, seconds=seconds),
                note="on a new ledger",
            ),
            Contender(
                name=f"sql_earn_{name}_history",
                unit="calls/s",
                take=partial(stand.run_pgbench, script=earn, seconds=seconds),
                ratio_to="sql_earn_new",
                aim=_AS_NEW,
                note="on the filled one",
            ),
            *sql.closed_lots_contenders(new, seconds=seconds),
        ]
        return take_in_turns(contenders, rounds=rounds, quick=False, say=say)


def _figure(
    name: str,
    seconds: Sequence[float],
    *,
    note: str,
    to: Figure | None = None,
    at_most: float | None = None,
) -> Figure:
    return Figure(
        name=name,
        unit="s",
        values=list(seconds),
        ratio_to=None if to is None else to.name,
        ratios=[] if to is None else [each / to.value for each in seconds],
        at_most=at_most,
        note=note,
    )
