"""The audit: every invariant of the ledger, reckoned anew from the rows in one snapshot.

An entry's sum needs no check, because a movement is one figure with two accounts. So what is held
against each other are three tellings of the same points: movements, lots and wallets; and entries
against their digests, the ways points may go (``paths.py``), and what refers to them.

PostgreSQL does the work set by set and spills to disk, so memory stays flat; the client sees counts
and at most ten named examples per check. Passes run beside each other, on as many connections as
the server lets processes work at one statement. What is looked for stands in
``audit_entries.py``, ``audit_balances.py``, ``audit_refunds.py``, ``audit_links.py``,
``audit_lots.py`` and ``audit_campaigns.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import pairwise

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from network.errors import InvariantError
from network.ledger import audit_balances as balances
from network.ledger import audit_campaigns as campaigns
from network.ledger import audit_entries as entries
from network.ledger import audit_links as links
from network.ledger import audit_lots as lots
from network.ledger import audit_refunds as refunds
from network.ledger.archive_reading import AllTime
from network.ledger.audit_pass import EXAMPLES, Check, Pass, run_pass
from network.ledger.seal import Verifier, verify_seals
from network.ledger.side_by_side import in_order
from network.ledger.tables import business_day, seal

SEALS = "seals"

__all__ = ["Check", "audit", "check_names", "checks"]

MONTHLY_PASSES = (entries.ENTRIES,)
"""Over entries and movements of the days [:first, :end), a month at a time."""

PASSES = (
    balances.EQUATIONS,
    balances.LOTS,
    balances.HELD_LOTS,
    balances.HOLDS,
    balances.WALLETS,
    balances.DEBTS,
    balances.ISSUERS,
    refunds.EARNED,
    refunds.TAKEN_BACK,
    refunds.CLAWBACKS,
    refunds.REFUNDED,
    refunds.CONSUMPTION,
    links.TRANSFERS,
    links.SHARED,
    links.CORRECTIONS,
    links.LOCKED,
    links.REQUESTS,
    links.BATCHES,
    links.PARTIES,
    lots.PRICES,
    lots.CHILDREN,
    links.DAYS,
    campaigns.BUDGETS,
    campaigns.SLICES,
    campaigns.PERSONS,
    campaigns.GRANTS,
)
"""Over everything there is."""

# Partitions of one month are joined with each other; a sort may use this much before it spills.
# Whole tables meet whole tables here, so neither a loop nor a walk along an index is ever right,
# and either would be chosen where rows arrived faster than statistics. Nor is a sort for a merge:
# it was chosen because no statistics tell how many lots are the first of their entry. Other
# connections have other passes to do meanwhile, so each takes one process.
_PLANNING = (
    "SET LOCAL enable_nestloop = off",
    "SET LOCAL enable_indexscan = off",
    "SET LOCAL enable_bitmapscan = off",
    "SET LOCAL enable_mergejoin = off",
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL enable_partitionwise_join = on",
    "SET LOCAL enable_partitionwise_aggregate = on",
    "SET LOCAL work_mem = '64MB'",
)

# But a month's lots are few of all, in one table: bitmaps of block ranges say where they lie.
_BLOCKS = text("SELECT set_config('enable_bitmapscan', :allowed, true)")

Task = Callable[[Session], list[Check]]
_PROCESSES = text("SELECT current_setting('max_parallel_workers_per_gather')::integer")
_RESTORE = text("SELECT set_config('max_parallel_workers_per_gather', :processes, true)")
_BOUNDS = text("""
    SELECT DISTINCT bound FROM (
        SELECT unnest(percentile_disc(ARRAY(
            SELECT n / CAST(:shares AS float) FROM generate_series(1, :shares - 1) AS n
        )) WITHIN GROUP (ORDER BY member_id)) AS bound FROM ledger.wallet
    ) AS found WHERE bound IS NOT NULL ORDER BY bound
""")


def audit(
    session: Session, *, verify: Verifier | None = None, since: date | None = None
) -> list[Check]:
    """Check every invariant and return one result each, in a fixed order.

    ``session`` must be a REPEATABLE READ one (``Database.snapshot``); raises InvariantError
    otherwise. ``verify`` checks the signatures of seals; without it they are not looked at.
    ``since`` leaves out, of earlier business days, what is checked entry by entry: their ways,
    kinds and digests. Seals still hold those days' stored digests against the signed heads, and
    balances still count all movements. What such an audit cannot find is what, of an earlier day,
    only those checks look at: an entry's words, actor, amount and times; the day that a movement
    is priced by; a lot's days and lock; in ``earned``, a line's number and base, while it is not
    refunded; a barred way between accounts that have no balance.
    """
    return list(checks(session, verify=verify, since=since))


def checks(
    session: Session, *, verify: Verifier | None = None, since: date | None = None
) -> Iterator[Check]:
    """Yield what audit returns, one by one as they are done."""
    isolation = session.execute(text("SHOW transaction_isolation")).scalar_one()
    if isolation not in {"repeatable read", "serializable"}:
        raise InvariantError("the audit reads one snapshot; this session takes a new one each time")
    processes: int = session.execute(_PROCESSES).scalar_one()
    _prepare(session)
    all_time = AllTime(session)
    shares = _shares(session, processes // 2)
    months = [{"first": first, "end": end} for first, end in _months(session, since)]
    groups: list[list[Task]] = [
        [
            partial(_run, part=part, all_time=all_time, share=share, period=period)
            for period in periods
            for share in (shares if part.by_member else [""])
        ]
        for parts, periods in ((MONTHLY_PASSES, months), (PASSES, [{}]))
        for part in parts
    ]
    groups.append([partial(_seals, verify=verify)])
    tasks = [task for group in groups for task in group]
    results = in_order(session, tasks, helpers=processes - 1, prepare=_prepare)
    for group in groups:
        yield from _merge([next(results) for _ in group])
    session.execute(_RESTORE, {"processes": str(processes)})


def check_names() -> list[str]:
    """Return the names of all checks, in the order in which they are done."""
    return [rule.name for part in (*MONTHLY_PASSES, *PASSES) for rule in part.rules] + [SEALS]


def _prepare(session: Session) -> None:
    for statement in _PLANNING:
        session.execute(text(statement))


def _run(
    session: Session, *, part: Pass, all_time: AllTime, share: str, period: dict[str, str]
) -> list[Check]:
    read = replace(part, body=all_time.reading(part.body))
    session.execute(_BLOCKS, {"allowed": "on" if period else "off"})
    return run_pass(session, read, share=share, **period)


def _shares(session: Session, shares: int) -> list[str]:
    """Return parts of the members of about one size, as conditions; all of them where it is one.

    No condition is one that an index on members could answer: a month would ask it for all time.
    """
    bounds = session.scalars(_BOUNDS, {"shares": shares}).all() if shares > 1 else []
    edges = [f"'{bound}'::uuid" for bound in bounds]
    return [
        " AND ".join(
            ([f"(member_id >= {low}) IS TRUE"] if low else [])
            + ([f"(member_id < {high}) IS TRUE"] if high else [])
        )
        for low, high in pairwise(["", *edges, ""])
    ]


def _merge(parts: list[list[Check]]) -> list[Check]:
    """Add up the results of a pass over all months and members."""
    return [
        Check(
            name=same[0].name,
            rows=sum(check.rows for check in same),
            differences=sum(check.differences for check in same),
            examples=tuple(example for check in same for example in check.examples)[:EXAMPLES],
        )
        for same in zip(*parts, strict=True)
    ]


def _months(session: Session, since: date | None) -> list[tuple[str, str]]:
    """Return half-open ranges of days, one per month, that cover all time or what is ``since``."""
    first, last = session.execute(
        select(func.min(business_day.c.business_date), func.max(business_day.c.business_date))
    ).one()
    starts = []
    month: date | None = first
    while month is not None and month <= last:
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        starts.append(month.isoformat())
    begin = "-infinity" if since is None else since.isoformat()
    later = [start for start in starts[:-1] if since is None or start > begin]
    return list(pairwise([begin, *later, "infinity"]))


def _seals(session: Session, *, verify: Verifier | None) -> list[Check]:
    faults = verify_seals(session, verify=verify)
    sealed = session.scalar(select(func.count()).select_from(seal)) or 0
    return [
        Check(
            name=SEALS,
            rows=sealed,
            differences=len(faults),
            examples=tuple(f"{fault.business_date}: {fault.what}" for fault in faults[:EXAMPLES]),
        )
    ]
