"""Reconciliation of a merchant's day: as many lines as entries, beside the bare join of the two.

Filled set by set as the superuser; the record is what the ledger says, with one line in a thousand
changed, one left out and one more. Then it goes the whole way: taken in, read, matched, written.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import text

from network.clock import local_date, wall_now
from network.ledger import operations
from network.ledger.partitions import open_first_day
from network.reconciliation import queries, service
from network.settings import PROGRAMME_ZONE
from tests.benchmarks.figures import Figure
from tests.benchmarks.stand import Stand, open_stand
from tests.benchmarks.watch import Watch

SHOP = UUID("b0000000-0000-7000-8000-000000000001")
_EVERY = 1_000
_WHO = "('a0000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid"
_FILL = (
    """
    INSERT INTO network.merchant (merchant_id, code, name_fa, name_en, kind, status, joined_at)
    VALUES ('{shop}', 'shop', 'فروشگاه', 'Shop', 'grocery', 'active', now() - interval '400 days')
    """,
    """
    INSERT INTO ledger.entry
        (member_id, sequence, business_date, kind, merchant_id, merchant_ref, terminal, receipt,
         channel, amount, base, currency, effective_at, recorded_at, actor, explanation, digest)
    SELECT {who}, 1, '{day}', 'issuance', '{shop}', 'R-' || lpad(g::text, 9, '0'), 'T' || g % 40,
           g::text, 'in_store', 100000 + g % 900000, 100000, 'IRR', at, at, 'merchant', '[]',
           sha256(g::text::bytea)
    FROM (SELECT g, '{day} 08:00 Asia/Tehran'::timestamptz + g * interval '40 milliseconds' AS at
          FROM generate_series(1, {lines}) AS g) AS made
    """,
    """
    INSERT INTO ledger.movement
        (member_id, sequence, line, business_date, source, target, issuer_id, lot_id, terms_id,
         points)
    SELECT {who}, 1, 1, '{day}', 'issuance', 'available', '{shop}', 1000001, '{shop}', 10
    FROM generate_series(1, {lines}) AS g
    """,
    "VACUUM ANALYZE ledger.entry",
    "VACUUM ANALYZE ledger.movement",
)
_RECORD = f"""
    COPY (
        SELECT 'earn' AS type, merchant_ref, to_char(effective_at AT TIME ZONE 'UTC',
                   'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred_at,
               amount + (receipt::bigint % {_EVERY} = 1)::integer AS amount, 10 AS points,
               terminal, receipt
        FROM ledger.entry
        WHERE merchant_id = '{SHOP}' AND receipt::bigint % {_EVERY} <> 2
        UNION ALL
        SELECT 'earn', 'X-' || receipt, to_char((effective_at - interval '7 hours') AT TIME ZONE
                   'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 7, 1, NULL, NULL
        FROM ledger.entry WHERE merchant_id = '{SHOP}' AND receipt::bigint % {_EVERY} = 3
    ) TO STDOUT (FORMAT CSV, HEADER)
"""
_BARE = text("""
    SELECT count(*), count(*) FILTER (WHERE t.amount <> e.amount)
    FROM network.made_line AS t
    JOIN ledger.entry AS e ON e.merchant_id = :shop AND e.business_date = :day
        AND e.merchant_ref = t.merchant_ref
""")


def measure(*, lines: int, name: str, say: Callable[[str], None]) -> list[Figure]:
    """Return the seconds of the bare join, and of a reconciliation of ``lines`` a side."""
    day = local_date(wall_now(), zone=PROGRAMME_ZONE) - timedelta(days=1)
    with open_stand(settings={"max_wal_size": "8GB"}) as stand:
        say(f"{name}: a day of {lines:,} entries of one merchant")
        record = _fill(stand, day=day, lines=lines)
        say(f"{name}: the bare join")
        bare = [_bare(stand, day=day) for _ in range(3)]
        say(f"{name}: {len(record) // 2**20} MiB taken in and matched")
        with Watch(stand) as watch:
            seconds, note = _reconcile(stand, record, day=day)
    join = Figure(
        name=f"join_{name}", unit="s", values=bare, note="the bare join of line and entry"
    )
    return [
        join,
        Figure(
            name=f"reconcile_{name}",
            unit="s",
            values=[seconds],
            ratio_to=join.name,
            ratios=[seconds / join.value],
            note=f"{note}; server {watch.cpu_seconds:,.1f} s of processor and"
            f" {watch.server_mb:,.0f} MB, Python {watch.python_mb:,.0f} MB",
        ),
    ]


def _fill(stand: Stand, *, day: date, lines: int) -> bytes:
    """Fill the ledger and return the merchant's record of the day as CSV."""
    with stand.services.database.unit_of_work() as session:
        open_first_day(session, business_date=day)
    with stand.postgres.connect(database="peyvand") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET timezone = 'UTC'")
        for statement in _FILL:
            connection.execute(statement.format(shop=SHOP, day=day, lines=lines, who=_WHO).encode())
        with connection.cursor() as cursor, cursor.copy(_RECORD.encode()) as copy:
            record = b"".join(bytes(piece) for piece in copy)
        connection.execute("CREATE TABLE network.made_line (merchant_ref text, amount bigint)")
        connection.execute(
            "INSERT INTO network.made_line SELECT merchant_ref, amount FROM ledger.entry"
            f" WHERE merchant_id = '{SHOP}'".encode()
        )
        connection.execute("GRANT SELECT ON network.made_line TO peyvand_app")
        connection.execute("ANALYZE network.made_line")
    with stand.services.database.ledger() as connection:
        operations.flip_day(connection, now=wall_now())
    return record


def _bare(stand: Stand, *, day: date) -> float:
    with stand.services.database.snapshot() as session:
        began = time.monotonic()
        session.execute(_BARE, {"shop": SHOP, "day": day}).all()
        return time.monotonic() - began


def _reconcile(stand: Stand, record: bytes, *, day: date) -> tuple[float, str]:
    """Take a record in and match it; return the seconds, and what it came to."""
    database, vault = stand.services.database, stand.services.vault
    began = time.monotonic()
    with database.unit_of_work() as session:
        received = service.receive(
            session,
            vault,
            merchant_id=SHOP,
            day=day,
            form="csv",
            file=io.BytesIO(record),
            sent_by="bench",
            wall=wall_now(),
        )
    taken = time.monotonic() - began
    with database.unit_of_work() as session:
        service.work_off(
            session, vault, reconciliation_id=received.reconciliation_id, wall=wall_now()
        )
    seconds = time.monotonic() - began
    with database.reading() as session:
        found = queries.reconciliation(session, reconciliation_id=received.reconciliation_id)
    if found.state != "done":
        raise RuntimeError(f"the record was {found.state}: {found.faults[:3]}")
    return seconds, (
        f"{found.lines:,} lines, {found.entries:,} entries, {found.breaks:,} breaks;"
        f" {taken:.1f} s to take it in"
    )
