"""``peyvand audit``: what it prints and how it exits."""

from __future__ import annotations

import base64
import json

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from config.cli.audit import audit, every_name
from network.ledger.audit import check_names
from network.ledger.rebuild import rebuild_names
from tests.conftest import MASTER_KEY, DatabaseUrls
from tests.integration.ledger_audit.conftest import Past
from tests.integration.ledger_audit.history import PUBLIC_KEY, noon


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url.replace("+psycopg", ""))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("PEYVAND_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())


@pytest.fixture
def honest(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the command at the played history, whose seals are by a key of the network.

    It is furnished as a simulated installation is: nobody signed its campaigns.
    """
    engine = create_engine(past.superuser_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE network.installation SET simulated = true"))
    engine.dispose()
    with past.database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO network.signing_key (key_id, purpose, public_key, sealed_private,"
                " created_at) VALUES ('seal-key', 'seals', :key, '', :now)"
                " ON CONFLICT (key_id) DO NOTHING"
            ),
            {"key": PUBLIC_KEY.public_bytes_raw(), "now": noon(past.book.today)},
        )
    use(monkeypatch, past.database.engine.url.render_as_string(hide_password=False))


@pytest.mark.usefixtures("honest")
def test_an_honest_ledger_exits_0_with_every_check_as_json() -> None:
    result = CliRunner().invoke(audit, ["--json"])
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == every_name()
    # This history is of points alone: no night has made money of it.
    assert all(row["rows"] > 0 for row in rows if row["name"] in check_names())
    assert all(row["differences"] == 0 for row in rows)
    assert result.exit_code == 0


@pytest.mark.usefixtures("honest")
def test_since_a_day_fewer_entries_are_looked_at(past: Past) -> None:
    result = CliRunner().invoke(audit, ["--json", "--since", past.book.today.isoformat()])
    since = {row["name"]: row["rows"] for row in json.loads(result.stdout)}
    every = {
        row["name"]: row["rows"] for row in json.loads(CliRunner().invoke(audit, ["--json"]).stdout)
    }
    assert result.exit_code == 0
    assert since["entry_digests"] < every["entry_digests"]
    assert since["lots_match_postings"] == every["lots_match_postings"]


@pytest.mark.usefixtures("honest")
def test_a_rebuild_comes_after_the_checks() -> None:
    result = CliRunner().invoke(audit, ["--json", "--rebuild"])
    rows = {row["name"]: row["differences"] for row in json.loads(result.stdout)}
    assert list(rows) == every_name() + rebuild_names()
    # The played history writes no month ends, even where it passes one.
    assert {name for name, differences in rows.items() if differences} <= {"month_ends"}
    assert "lots_rebuilt" in CliRunner().invoke(audit, ["--rebuild"]).stdout


@pytest.mark.usefixtures("honest")
def test_people_get_a_table() -> None:
    result = CliRunner().invoke(audit, [])
    assert result.exit_code == 0
    assert "entry_digests" in result.stdout
    assert "No differences." in result.stdout


def test_a_difference_exits_1_and_names_it(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, database_urls.application)
    result = CliRunner().invoke(audit, [])
    assert result.exit_code == 1
    assert "one_open_day: no business day is open" in result.stdout
    assert "1 check found differences." in result.stdout
