"""pgledger beside our own functions, where whoever runs names the paths of its published SQL.

PGLEDGER lists them in the order in which they are to be read, parted as in PATH: the conversion of
ULIDs that it brings along, then pgledger itself.

It is asked for what it has a call for: one transfer between two of its accounts, a merchant's and
a member's, drawn as in ``sql``. Idempotency, evidence, lots and events are no part of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from config.services.postgres import SUPERUSER
from tests.benchmarks.figures import Contender
from tests.benchmarks.sql import MEMBERS, MERCHANTS
from tests.benchmarks.stand import Stand

_DATABASE = "pgledger"


def contenders(stand: Stand, *, seconds: int) -> list[Contender]:
    """Return its transfers, spread over 1,000 merchants and at one; nothing without PGLEDGER."""
    paths = os.environ.get("PGLEDGER")
    if not paths:
        return []
    _prepare(stand, [Path(each) for each in paths.split(os.pathsep)])
    return [
        _contender(stand, name="pgledger", merchants=MERCHANTS, seconds=seconds, to="tpcb"),
        _contender(stand, name="pgledger_hot", merchants=1, seconds=seconds, to="pgledger"),
    ]


def _contender(stand: Stand, *, name: str, merchants: int, seconds: int, to: str) -> Contender:
    script = (
        f"\\set member {MERCHANTS} + random(1, {MEMBERS})\n"
        f"\\set merchant random(1, {merchants})\n"
        "SELECT * FROM pgledger_create_transfer("
        "(SELECT id FROM numbered WHERE n = :merchant), "
        "(SELECT id FROM numbered WHERE n = :member), 165);\n"
    )
    return Contender(
        name=name,
        unit="calls/s",
        take=lambda: stand.run_pgbench(
            script=script, seconds=seconds, database=_DATABASE, role=SUPERUSER
        ),
        ratio_to=to,
        note="a transfer, by the SQL file that PGLEDGER names",
    )


def _prepare(stand: Stand, paths: Sequence[Path]) -> None:
    with stand.postgres.connect() as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE}".encode())
    with stand.postgres.connect(database=_DATABASE) as connection:
        for path in paths:
            connection.execute(path.read_bytes())
        connection.execute(
            "CREATE TABLE numbered AS SELECT n, a.id FROM generate_series("
            f"1, {MERCHANTS + MEMBERS}) AS n, LATERAL pgledger_create_account("
            "'account-' || n, 'PTS') AS a".encode()
        )
        connection.execute("ALTER TABLE numbered ADD PRIMARY KEY (n)")
        connection.execute("VACUUM ANALYZE")
