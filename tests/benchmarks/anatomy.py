"""``python -m tests.benchmarks.anatomy``: where the time of one earn and one redemption goes.

One client, so that nothing waits for another: time and write-ahead log per statement (by
pg_stat_statements, which adds about a microsecond to each), then rows, index entries and locks of
one call. A statement's time is that of running it; the rest is starting and ending the statements,
PL/pgSQL itself, the arguments, and the measuring.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from config.services.postgres import DATABASE
from tests.benchmarks import sql
from tests.benchmarks.stand import Stand, open_stand

WARM_UP_SECONDS = 8
SECONDS = 6
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
}
_STATEMENTS = """
    SELECT toplevel, query, calls, min_exec_time * 1000, total_exec_time * 1000 / calls,
           wal_bytes::float8 / calls, wal_records::float8 / calls
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND calls > (SELECT max(calls) FROM pg_stat_statements WHERE toplevel) / 2
    ORDER BY toplevel DESC, min_exec_time DESC
"""
_ROWS = """
    SELECT coalesce(i.inhparent::regclass::text, t.schemaname || '.' || t.relname),
           t.n_tup_ins, t.n_tup_upd, t.n_tup_hot_upd,
           (SELECT count(*) FROM pg_index AS x WHERE x.indrelid = t.relid)
    FROM pg_stat_xact_user_tables AS t LEFT JOIN pg_inherits AS i ON i.inhrelid = t.relid
    WHERE t.n_tup_ins + t.n_tup_upd > 0 ORDER BY 1
"""
_LOCKS = """
    SELECT l.mode, count(*) FILTER (WHERE l.fastpath), count(*) FILTER (WHERE NOT l.fastpath)
    FROM pg_locks AS l
    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.mode <> 'AccessShareLock'
    GROUP BY l.mode ORDER BY l.mode
"""
_TARGET = re.compile(r"(INSERT INTO|UPDATE|FROM)\s+((?:ledger|network)\.\w+)")


def main() -> None:
    """Measure both calls and print what was found."""
    console = Console(width=120)
    with open_stand(settings=SETTINGS) as stand:
        sql.prepare(stand)
        with stand.postgres.connect(database=DATABASE) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            for name, script in (
                ("earn", sql.earn_script(merchants=sql.MERCHANTS)),
                ("redeem", sql.redeem_script()),
            ):
                stand.run_pgbench(script=script, seconds=WARM_UP_SECONDS, clients=1)
                console.print(_statements(stand, connection, name=name, script=script))
                console.print(*_one_call(connection, script=script), sep="\n")


def _statements(stand: Stand, connection: psycopg.Connection, *, name: str, script: str) -> Table:
    """Run the script alone and return a table of its statements, per call.

    No checkpoint comes between the warm-up and the measuring, so that whole pages are out of the
    log already and what is counted is what a call itself adds.
    """
    connection.execute("SELECT pg_stat_statements_reset()")
    stand.run_pgbench(script=script, seconds=SECONDS, clients=1)
    rows = connection.execute(_STATEMENTS).fetchall()
    whole, parts = rows[0], rows[1:]
    table = Table(title=f"{name}: statements of a call, microseconds and bytes")
    table.add_column("statement")
    for heading in ("least", "mean", "share", "WAL bytes", "WAL records"):
        table.add_column(heading, justify="right")
    for row in parts:
        _add(table, _label(row[1]), row[3:], whole[4])
    rest = [whole[i] - sum(row[i] for row in parts) for i in (3, 4, 5, 6)]
    _add(table, "start and end of statements, PL/pgSQL", rest, whole[4])
    table.add_section()
    _add(table, "the call", whole[3:], whole[4])
    return table


def _add(table: Table, label: str, figures: Sequence[float], mean: float) -> None:
    least, average, wal, records = figures
    table.add_row(
        label,
        f"{least:.0f}",
        f"{average:.0f}",
        f"{average / mean:.0%}",
        f"{max(wal, 0):.0f}",
        f"{max(records, 0):.1f}",
    )


def _label(query: str) -> str:
    found = _TARGET.search(query)
    return " ".join(found.groups()) if found else " ".join(query.split())[:50]


def _one_call(connection: psycopg.Connection, *, script: str) -> list[str]:
    """Post once in a transaction that is rolled back; return what it wrote and locked."""
    call = re.sub(r"^\\set.*$", "", script, flags=re.MULTILINE)
    for variable in ("member", "merchant", "drawn"):
        call = call.replace(f":{variable}", "1")
    with connection.transaction(force_rollback=True):
        connection.execute(call.encode())
        rows = connection.execute(_ROWS).fetchall()
        locks = connection.execute(_LOCKS).fetchall()
    entries = sum(inserted + updated - hot for _, inserted, updated, hot, _ in rows)
    indexed = sum((inserted + updated - hot) * count for _, inserted, updated, hot, count in rows)
    return [
        f"rows: {entries} new versions outside their page's chain, {indexed} index entries",
        *(_written(*row) for row in rows),
        *(f"  locks {mode}: {fast} fast, {slow} shared" for mode, fast, slow in locks),
        "",
    ]


def _written(table: str, inserted: int, updated: int, hot: int, indexes: Any) -> str:
    return f"  {table}: {inserted} inserted, {updated} updated ({hot} in place), {indexes} indexes"


if __name__ == "__main__":
    main()
