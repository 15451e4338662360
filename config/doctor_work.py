"""What ``peyvand doctor`` looks at inside the database: time, the day, and work that stands still.

One statement for each thing, each with the words of what to do about it. Nothing here changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.findings import Finding, fine
from network.clock import local_date, wall_now
from network.database.installation import ProgrammeClock
from network.language import gettext as _
from network.services import Services
from network.settings import PROGRAMME_ZONE
from network.signing.service import PURPOSES

_SKEW = timedelta(minutes=1)
_LATE = timedelta(hours=1)
"""So long after midnight a day may still be open: schedules come back, machines start."""
_MOST_NAMES = 5
_FULL_PERCENT = 80

_DAY = text("""
    SELECT d.business_date,
           (SELECT min(f.business_date) FROM ledger.business_day AS f
            WHERE f.flipped_at IS NOT NULL AND f.closed_at IS NULL) AS closing
    FROM ledger.business_day AS d WHERE d.flipped_at IS NULL
""")
# Only its own role's: whoever has no more rights sees of others' sessions that they are there.
_TRANSACTIONS = text("""
    SELECT count(*) FROM (
        SELECT xact_start AS since FROM pg_catalog.pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend'
          AND pid <> pg_backend_pid()
        UNION ALL
        SELECT prepared FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
    ) AS t WHERE t.since < clock_timestamp() - interval '1 hour'
""")
_CONNECTIONS = text("""
    SELECT sum(numbackends)::integer * 100 / current_setting('max_connections')::integer
    FROM pg_catalog.pg_stat_database
""")
_PARTITIONS = text("""
    SELECT count(*) FROM ledger.business_day AS d, generate_series(0, 2) AS n,
           LATERAL (VALUES ('entry', 'YYYY_MM'), ('evidence', 'YYYY_MM_DD')) AS t (name, form)
    JOIN pg_catalog.pg_partitioned_table AS p
        ON p.partrelid = ('ledger.' || t.name)::regclass AND p.partdefid = 0
    WHERE d.flipped_at IS NULL
      AND to_regclass(format('ledger.%s_%s', t.name, to_char(d.business_date + n, t.form))) IS NULL
""")
_SEALS = text("""
    SELECT count(*) FROM ledger.business_day AS d
    WHERE d.closed_at < clock_timestamp() - interval '1 hour' AND d.business_date < :day
      AND NOT EXISTS (SELECT FROM ledger.seal AS s WHERE s.business_date = d.business_date)
""")
_NIGHTS = text("""
    SELECT r.business_date, r.step, r.error_code FROM network.settlement_run AS r
    WHERE r.state IN ('failed', 'stopped') AND NOT EXISTS (
        SELECT FROM network.settlement_run AS n
        WHERE n.business_date = r.business_date AND n.started_at > r.started_at)
    ORDER BY r.business_date
""")
_BATCHES = text("""
    SELECT b.batch_id::text FROM network.batch AS b
    WHERE b.state <> 'done' AND b.touched_at < clock_timestamp() - interval '10 minutes'
    ORDER BY b.touched_at
""")
_UNSEALED = text("""
    SELECT b.batch_id::text FROM network.batch AS b
    WHERE b.finished_at < clock_timestamp() - interval '1 day' AND NOT b.persons_sealed
    ORDER BY b.finished_at
""")
_MESSAGES = text("""
    SELECT count(*) FILTER (WHERE m.state = 'waiting'
               AND CASE WHEN m.patient THEN m.retry_at < clock_timestamp() - interval '2 hours'
                        ELSE m.created_at < clock_timestamp() - interval '10 minutes' END
               AND coalesce(m.expires_at > clock_timestamp(), true)) AS waiting,
           count(*) FILTER (WHERE m.state = 'failed' AND m.expires_at IS NULL
               AND m.retry_at > clock_timestamp() - interval '1 day') AS failed
    FROM network.message AS m WHERE m.created_at > clock_timestamp() - interval '30 days'
""")
_WEBHOOKS = text("""
    SELECT count(*) FROM network.webhook_delivery AS d
    JOIN network.webhook_endpoint AS e ON e.endpoint_id = d.endpoint_id AND e.state = 'enabled'
    WHERE d.state = 'waiting' AND d.next_attempt_at < clock_timestamp() - interval '10 minutes'
""")
_KEYS = text("SELECT purpose FROM network.signing_key WHERE retired_at IS NULL")
_APPROVERS = text("""
    SELECT count(*) FILTER (WHERE role = 'administrator') AS administrators, count(*) AS operators
    FROM network.operator WHERE status = 'active'
""")


def work(services: Services) -> Iterator[Finding]:
    """Look at clocks, the day, connections, nights, batches, messages, webhooks, keys, people."""
    clock = ProgrammeClock(services.database)
    with services.database.reading() as session:
        yield _clock(session)
        yield _day(session, clock=clock)
        yield _transactions(session)
        yield _connections(session)
        yield _partitions(session)
        yield _nights(session)
        yield _seals(session, now=clock.now())
        yield _stuck(session)
        yield _unsealed(session)
        yield _messages(session)
        yield _webhooks(session)
        yield _keys(session)
        yield _operators(session)


def _clock(session: Session) -> Finding:
    before = wall_now()
    server: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    after = wall_now()
    off = max(before - server, server - after, timedelta(0))
    return _judged(
        "clock",
        off <= _SKEW,
        _("%(count)s seconds away from the database server's", count=int(off.total_seconds())),
        _(
            "Set the clocks of both machines (NTP): signatures must be right within minutes, and"
            " the ledger refuses a caller that is five minutes away."
        ),
    )


def _day(session: Session, *, clock: ProgrammeClock) -> Finding:
    row = session.execute(_DAY).one_or_none()
    if row is None:
        return _judged("day", False, _("none is open"), _("'peyvand up' opens the first one."))
    expected = local_date(clock.now() - _LATE, zone=PROGRAMME_ZONE)
    if row.business_date < expected:
        return _judged(
            "day",
            False,
            _("%(day)s is still open", day=row.business_date),
            _("Is the schedule running? 'peyvand settle' closes what has ended."),
        )
    if row.closing is not None and row.closing < expected - timedelta(days=1):
        return _judged(
            "day",
            False,
            _("%(day)s has ended and is not closed", day=row.closing),
            _("A transaction from before its end is still open: see 'transactions'."),
        )
    return fine("day", _("%(day)s is open", day=row.business_date))


def _transactions(session: Session) -> Finding:
    count: int = session.execute(_TRANSACTIONS).scalar_one()
    return _judged(
        "transactions",
        count == 0,
        _("%(count)s of the application are older than an hour", count=count),
        _(
            "Look at pg_stat_activity and pg_prepared_xacts: end what nobody waits for, or a day"
            " can't close and dead rows stay."
        ),
    )


def _connections(session: Session) -> Finding:
    percent: int = session.execute(_CONNECTIONS).scalar_one()
    return _judged(
        "connections",
        percent < _FULL_PERCENT,
        _("%(percent)s %% of PostgreSQL's are taken", percent=percent),
        _("Look at pg_stat_activity; raise max_connections, or run fewer processes."),
    )


def _partitions(session: Session) -> Finding:
    missing: int = session.execute(_PARTITIONS).scalar_one()
    return _judged(
        "partitions",
        missing == 0,
        _("%(count)s are missing for today and the next two days", count=missing),
        _("Run 'peyvand migrate' with the owner's URL, and see that the schedule has it."),
    )


def _nights(session: Session) -> Finding:
    rows = session.execute(_NIGHTS).all()
    found = [
        _(
            "%(day)s at %(step)s (%(reason)s)",
            day=row.business_date,
            step=row.step,
            reason=row.error_code,
        )
        for row in rows
    ]
    return _judged(
        "nights",
        not found,
        _("failed or stopped: %(nights)s", nights=_named(found)) if found else _("none failed"),
        _(
            "Read the night's page in the console (Today), mend what it names, then run"
            " 'peyvand settle --date DAY'."
        ),
    )


def _seals(session: Session, *, now: datetime) -> Finding:
    day = local_date(now, zone=PROGRAMME_ZONE) - timedelta(days=1)
    count: int = session.execute(_SEALS, {"day": day}).scalar_one()
    return _judged(
        "seals",
        count == 0,
        _("%(count)s closed days have no seal", count=count),
        _("Run 'peyvand settle': a night seals the days before it."),
    )


def _stuck(session: Session) -> Finding:
    found = list(session.execute(_BATCHES).scalars())
    return _judged(
        "batches",
        not found,
        _("no progress for ten minutes: %(batches)s", batches=_named(found))
        if found
        else _("none stands still"),
        _("Is a worker of the queue 'batches' running? Its log says what it meets."),
    )


def _unsealed(session: Session) -> Finding:
    """A batch whose body can't be sealed for its members opens with the network's key alone."""
    found = list(session.execute(_UNSEALED).scalars())
    return _judged(
        "batch bodies",
        not found,
        _("not sealed for their members since yesterday: %(batches)s", batches=_named(found))
        if found
        else _("all of yesterday's are sealed for their members"),
        _(
            "The log of the 'batches' worker has 'a batch is not sealed' with the reason. Until it"
            " is, whoever leaves can't be forgotten in it: bring the log and the ids to whoever"
            " maintains the software."
        ),
    )


def _messages(session: Session) -> Finding:
    row = session.execute(_MESSAGES).one()
    return _judged(
        "messages",
        row.waiting == 0 and row.failed == 0,
        _(
            "%(waiting)s wait for more than ten minutes, %(failed)s of the last day did not leave",
            waiting=row.waiting,
            failed=row.failed,
        ),
        _(
            "Does the SMS provider answer (PEYVAND_SMS_URL), and does a worker of 'messages' run?"
            ' What did not leave stands in the console under "Jobs that failed", to be sent again.'
        ),
    )


def _webhooks(session: Session) -> Finding:
    count: int = session.execute(_WEBHOOKS).scalar_one()
    return _judged(
        "webhooks",
        count == 0,
        _("%(count)s deliveries are overdue by more than ten minutes", count=count),
        _("Is a worker of the queue 'webhooks' running?"),
    )


def _keys(session: Session) -> Finding:
    missing = sorted(set(PURPOSES) - set(session.execute(_KEYS).scalars()))
    return _judged(
        "signing keys",
        not missing,
        _("none for: %(purposes)s", purposes=", ".join(missing))
        if missing
        else _("one in force for each purpose"),
        _("Run 'peyvand migrate' or start it again: both make the keys that are missing."),
    )


def _operators(session: Session) -> Finding:
    row = session.execute(_APPROVERS).one()
    if row.operators == 0:
        found = _("nobody can sign in to the console")
        return Finding(check="operators", ok=True, found=found, advice=_("'peyvand operator add'."))
    enough = row.operators > 1 and row.administrators > 0
    return Finding(
        check="operators",
        ok=True,
        found=_(
            "%(count)s, administrators: %(administrators)s",
            count=row.operators,
            administrators=row.administrators,
        ),
        advice="" if enough else _("What moves points takes two people, and one administrates."),
    )


def _named(found: list[str]) -> str:
    more = len(found) - _MOST_NAMES
    return ", ".join(found[:_MOST_NAMES]) + (f" … +{more}" if more > 0 else "")


def _judged(check: str, ok: bool, found: str, advice: str) -> Finding:  # noqa: FBT001
    return Finding(check=check, ok=ok, found=found, advice="" if ok else advice)
