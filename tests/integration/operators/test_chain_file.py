"""The audit log as a file: checked without us, and every kind of tampering shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from config.cli.audit_log import audit_log
from network.database.connection import Database
from network.language import use_locale
from network.operators import audit, queries
from network.operators.audit import record_act
from network.operators.chain_file import lines, verify_lines

WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACTS = 40


def kept(database: Database) -> list[str]:
    with database.unit_of_work() as session:
        for number in range(ACTS):
            record_act(
                session,
                now=WALL,
                actor="system",
                action=f"test.{number % 3}",
                subject="ش",
                facts={"number": number, "متن": "پیوند"},
            )
    with database.snapshot() as session:
        return list(lines(session))


def test_a_file_holds_by_itself_and_shows_what_was_changed(
    database: Database, tmp_path: Path
) -> None:
    found = kept(database)
    whole = verify_lines(found)
    with database.reading() as session:
        assert whole.head == audit.verify(session).head.hex()
        assert queries.actions(session) == ["test.0", "test.1", "test.2"]
        newest = audit.verify_newest(session, rows=7)
        assert (newest.rows, newest.head.hex()) == (7, whole.head)
    assert (whole.rows, whole.broken_line) == (ACTS, None)
    for changed, line in (
        ([*found[:9], found[9].replace("پیوند", "گسست"), *found[10:]], 10),
        (found[:9] + found[10:], 10),
        ([found[1], found[0], *found[2:]], 1),
        ([*found, "{}"], ACTS + 1),
    ):
        assert verify_lines(changed).broken_line == line
    assert verify_lines(found, wanted=whole.head).seen
    # A hash that only a fact speaks of is none of the chain.
    assert not verify_lines(found, wanted=json.loads(found[3])["previous_hash"][::-1]).seen

    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(found) + "\n", encoding="utf-8")
    middle = json.loads(found[20])["hash"]
    with use_locale("en"):
        runner = CliRunner()
        held = runner.invoke(audit_log, ["verify", str(file), "--head", middle])
        assert (held.exit_code, whole.head in held.output) == (0, True)
        other = runner.invoke(audit_log, ["verify", str(file), "--head", "00" * 32])
        assert other.exit_code == 1
        file.write_text("\n".join(found[:3] + found[4:]), encoding="utf-8")
        assert runner.invoke(audit_log, ["verify", str(file)]).exit_code == 1
