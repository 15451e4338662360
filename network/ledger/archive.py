"""Old months leave the hot tables: detached, moved to schema ``ledger_archive``, read-only there.

Moving a month stops nobody: each of its tables is detached concurrently, then all of them are
attached to parents of the same shape. Meanwhile audits wait (``archive_reading``). A move that was
interrupted is finished by the next call.

What a month must be before it goes: over, and closed, sealed and settled on every day; its end
written and sealed (``month_ends``); and older than the days within which a purchase can be
refunded, since a refund looks its purchase up in the hot tables. A month in which somebody joined a
shared wallet and has not left it stays as well: leaving looks that entry up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from sqlalchemy import Connection, Row, create_engine, text
from sqlalchemy.exc import DBAPIError

from network.errors import PeyvandError, UnavailableError
from network.ledger.archive_reading import MOVING_LOCK
from network.ledger.month_ends import month_after

TABLES = ("entry", "movement")
_LOCK_TIMEOUT = "5s"
_LOCK_TIMED_OUT = "55P03"

_FACTS = text("""
    SELECT (SELECT d.business_date FROM ledger.business_day AS d WHERE d.flipped_at IS NULL)
               AS open_day,
           (SELECT count(*) FROM ledger.business_day AS d
            WHERE d.business_date >= :month AND d.business_date < :after) AS days,
           (SELECT count(*) FROM ledger.business_day AS d
            LEFT JOIN ledger.seal AS s USING (business_date)
            WHERE d.business_date >= :month AND d.business_date < :after
              AND (d.closed_at IS NULL OR s.business_date IS NULL)) AS unsealed,
           (SELECT count(*) FROM ledger.business_day AS d
            LEFT JOIN network.settlement_run AS r
                ON r.business_date = d.business_date AND r.state <> 'aborted'
            WHERE d.business_date >= :month AND d.business_date < :after
              AND r.state IS DISTINCT FROM 'done') AS unsettled,
           EXISTS (SELECT FROM ledger.month_end AS e WHERE e.month = :after) AS ended,
           (SELECT count(*) FROM ledger.entry AS e JOIN ledger.wallet AS w USING (member_id)
            WHERE e.business_date >= :month AND e.business_date < :after
              AND e.kind = 'join' AND w.moved_to IS NOT NULL) AS joined
""")
_PLACE = text("""
    SELECT n.nspname AS schema, p.relname AS parent,
           coalesce(i.inhdetachpending, false) AS detaching
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid
    LEFT JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
    WHERE c.relname = :name AND n.nspname IN ('ledger', 'ledger_archive')
""")


class ArchiveRefusedError(PeyvandError):
    """The month may not leave the hot tables, or not yet; nothing was moved.

    ``reason`` is one of no_such_month, not_over, refundable, not_sealed, not_settled,
    no_month_end, shared_wallets.
    """

    code = "archive_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class ArchiveBusyError(UnavailableError):
    """An audit, another archiving or a long transaction is in the way; call again later."""

    code = "archive_busy"


def archive_month(owner_url: str, *, month: date, refund_days: int) -> list[str]:
    """Move a month's entries and movements to the archive; return the tables moved.

    ``month`` is its first day, ``refund_days`` how many days a purchase can be refunded. Returns
    nothing where the month is there already. Needs the owner's URL. Raises ArchiveRefusedError,
    and ArchiveBusyError, after which the next call does what is left of the move.
    """
    engine = create_engine(owner_url, isolation_level="AUTOCOMMIT")
    names = {table: f"{table}_{month:%Y_%m}" for table in TABLES}
    try:
        with engine.connect() as connection, _moving(connection):
            places = {table: _place(connection, name) for table, name in names.items()}
            if all(place.parent == table for table, place in places.items()):
                if all(place.schema == "ledger_archive" for place in places.values()):
                    return []
                if not any(place.detaching for place in places.values()):
                    _refuse_unless_ready(connection, month=month, refund_days=refund_days)
            for table, place in places.items():
                _detach(connection, table, names[table], place)
            _attach(connection, month, names)
            return list(names.values())
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_TIMED_OUT:
            raise
        raise ArchiveBusyError(
            "a transaction that uses the ledger does not end; call again to finish"
        ) from error
    finally:
        engine.dispose()


@contextmanager
def _moving(connection: Connection) -> Iterator[None]:
    """Keep audits and other moves out; raise ArchiveBusyError where one is under way."""
    key = {"key": MOVING_LOCK}
    connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
    if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar_one():
        raise ArchiveBusyError("an audit or another archiving is under way; call again later")
    try:
        yield
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _place(connection: Connection, name: str) -> Row[tuple[str, str | None, bool]]:
    place = connection.execute(_PLACE, {"name": name}).one_or_none()
    if place is None:
        raise ArchiveRefusedError(f"there is no table {name}", reason="no_such_month")
    return place


def _refuse_unless_ready(connection: Connection, *, month: date, refund_days: int) -> None:
    after = month_after(month)
    facts = connection.execute(_FACTS, {"month": month, "after": after}).one()
    over = facts.open_day is not None and facts.open_day >= after
    refusals = {
        "no_such_month": facts.days == 0 and (f"{month:%Y-%m} had no business day"),
        "not_over": not over and f"{month:%Y-%m} has not ended",
        "not_sealed": facts.unsealed and f"{facts.unsealed} of its days are not sealed",
        "not_settled": facts.unsettled and f"{facts.unsettled} of its days are not settled",
        "no_month_end": not facts.ended and "its closing balances have not been sealed",
        "refundable": (
            over
            and facts.open_day < after + timedelta(days=refund_days)
            and f"its purchases can be refunded until {after + timedelta(days=refund_days - 1)}"
        ),
        "shared_wallets": (
            facts.joined and f"{facts.joined} who joined a shared wallet in it are still there"
        ),
    }
    for reason, words in refusals.items():
        if words:
            raise ArchiveRefusedError(f"{month:%Y-%m} stays: {words}", reason=reason)


def _detach(
    connection: Connection, table: str, name: str, place: Row[tuple[str, str | None, bool]]
) -> None:
    """Detach a month's table, or finish that; nothing where it is detached already."""
    if place.parent is not None and place.schema == "ledger":
        how = "FINALIZE" if place.detaching else "CONCURRENTLY"
        connection.exec_driver_sql(
            f"ALTER TABLE ledger.{table} DETACH PARTITION ledger.{name} {how}"
        )


def _attach(connection: Connection, month: date, names: dict[str, str]) -> None:
    """Move the detached tables over, all at once."""
    bounds = f"FROM ('{month}') TO ('{month_after(month)}')"
    statements = []
    for table, name in names.items():
        parent, child = f"ledger_archive.{table}", f"ledger_archive.{name}"
        statements += [
            f"ALTER TABLE ledger.{name} SET SCHEMA ledger_archive",
            f"REVOKE ALL ON {child} FROM PUBLIC, peyvand_app",
            f"ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES {bounds}",
        ]
    connection.exec_driver_sql("; ".join(statements))  # one message: one transaction
