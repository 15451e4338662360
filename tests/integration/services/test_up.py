"""``peyvand up`` as one process tree: restarts, kills, and one clear sentence for each refusal."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from config.home import Home
from config.services.postgres import DATABASE
from config.services.processes import recorded
from config.up import FRONTS, OWNER_URLS, parts
from tests.conftest import DatabaseUrls
from tests.fixtures.memory import passable_directory
from tests.integration.services.helpers import (
    ANY_PORTS,
    Up,
    environment,
    peyvand,
    still_running,
    wait_for,
)

MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield the path of a home in a directory that the services' account can pass through."""
    with passable_directory("pv-up-") as directory:
        yield directory / "home"


def assert_refused(code: int, words: str, *expected: str) -> None:
    """Exit code 1 and one sentence, without a traceback."""
    assert code == 1, words
    assert "Traceback" not in words
    assert len(words.strip().splitlines()) == 1, words
    for part in expected:
        assert part in words


def test_it_survives_a_kill_and_leaves_nothing_behind(home: Path) -> None:
    env = environment(home)
    with Up(env) as first:
        first.wait_until_ready()
        place = Home(home)
        postgres = place.postgres(place.installation())
        with postgres.connect(database=DATABASE) as connection:
            connection.execute("CREATE TABLE kept (a int)")
            connection.execute("INSERT INTO kept VALUES (7)")
        orphans = first.family()
        assert first.end(signal.SIGKILL) == -signal.SIGKILL

    with Up(env) as second:
        second.wait_until_ready()
        assert still_running(orphans) == []
        with postgres.connect(database=DATABASE) as connection:
            assert connection.execute("SELECT a FROM kept").fetchall() == [(7,)]
        busy = peyvand("up", *ANY_PORTS, env=env)
        assert_refused(busy.returncode, busy.stderr, str(home), str(second.process.pid))
        healthy = peyvand("doctor", "--json", env=env)
        assert healthy.returncode == 0, healthy.stdout
        assert all(row["ok"] for row in json.loads(healthy.stdout))

        names = {"postgres", "valkey", "relay", "gateway"}
        killed = [recorded(home / "run" / f"{name}.pid") for name in sorted(names)]
        for process in filter(None, killed):
            process.kill()
        assert None not in killed
        assert still_running(list(filter(None, killed))) == []
        # A doctor is a process that competes with them: it is asked when all are there again.
        wait_for(lambda: all(recorded(home / "run" / f"{name}.pid") for name in names))
        wait_for(lambda: peyvand("doctor", env=env).returncode == 0)
        family = second.family()
        assert len(family) > 8
        assert second.end(signal.SIGINT) == 0
    assert still_running(family) == []
    assert list((home / "run").iterdir()) == []
    down = peyvand("doctor", "--json", env=env)
    assert down.returncode == 1
    assert {row["check"] for row in json.loads(down.stdout) if not row["ok"]} >= {"running"}


def test_a_taken_port_is_named_before_anything_starts(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = peyvand("up", *ANY_PORTS, "--wallet-port", str(port), env=environment(home))
    assert_refused(refused.returncode, refused.stderr, str(port))
    assert not (home / "data").exists()


def test_a_home_that_cannot_be_written_is_named(home: Path) -> None:
    home.write_text("a file stands in the way", encoding="utf-8")
    refused = peyvand("up", *ANY_PORTS, env=environment(home / "below"))
    assert_refused(refused.returncode, refused.stderr, str(home / "below"), "PEYVAND_HOME")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"DATABASE_URL": "mysql://localhost/peyvand"}, "postgresql://"),
        ({"DATABASE_URL": "postgresql://peyvand@127.0.0.1:1/peyvand"}, "PostgreSQL"),
        ({"REDIS_URL": "http://127.0.0.1"}, "REDIS_URL"),
        ({"REDIS_URL": "redis://127.0.0.1:1"}, "Valkey"),
        ({"REDIS_URL": ""}, "REDIS_URL"),
        ({"PEYVAND_MASTER_KEY": ""}, "PEYVAND_MASTER_KEY"),
        ({"PEYVAND_MASTER_KEY": "c2hvcnQ="}, "32 bytes"),
    ],
)
def test_wrong_settings_are_named(
    home: Path,
    database_urls: DatabaseUrls,
    redis_url: str,
    changed: dict[str, str],
    expected: str,
) -> None:
    right = {
        "DATABASE_URL": database_urls.application,
        "REDIS_URL": redis_url,
        "PEYVAND_MASTER_KEY": MASTER_KEY,
    }
    refused = peyvand("up", *ANY_PORTS, env=environment(home, **{**right, **changed}))
    assert_refused(refused.returncode, refused.stderr, expected)
    assert not any(secret in refused.stderr for secret in (MASTER_KEY, "test-secret"))


def test_a_newer_database_and_one_behind_are_refused(
    home: Path, database_urls: DatabaseUrls, empty_owner_url: str, redis_url: str
) -> None:
    env = environment(
        home,
        DATABASE_URL=database_urls.application,
        DATABASE_OWNER_URL=database_urls.owner,
        REDIS_URL=redis_url,
        PEYVAND_MASTER_KEY=MASTER_KEY,
    )
    engine = create_engine(database_urls.owner)
    with engine.begin() as connection:
        connection.execute(text("UPDATE network.alembic_version SET version_num = '9999'"))
    engine.dispose()
    for command in (("up", *ANY_PORTS), ("migrate",)):
        refused = peyvand(*command, env=env)
        assert_refused(refused.returncode, refused.stderr, "9999")
    env["DATABASE_URL"] = empty_owner_url
    del env["DATABASE_OWNER_URL"]
    refused = peyvand("up", *ANY_PORTS, env=env)
    assert_refused(refused.returncode, refused.stderr, "peyvand migrate")


def test_migrate_brings_an_empty_database_to_this_version(
    home: Path, empty_owner_url: str, redis_url: str
) -> None:
    env = environment(
        home,
        DATABASE_URL=empty_owner_url,
        DATABASE_OWNER_URL=empty_owner_url,
        REDIS_URL=redis_url,
        PEYVAND_MASTER_KEY=MASTER_KEY,
    )
    done = peyvand("migrate", env=env)
    assert done.returncode == 0, done.stderr
    assert "empty" in done.stdout
    with psycopg.connect(empty_owner_url.replace("+psycopg", "")) as connection:
        days = connection.execute("SELECT count(*) FROM ledger.business_day").fetchone()
        keys = connection.execute("SELECT count(*) FROM network.signing_key").fetchone()
    assert days == (1,)
    assert keys is not None
    assert keys[0] > 0


def test_secrets_of_the_home_are_private(home: Path) -> None:
    place = Home(home)
    with place.lock("command"):
        installation = place.prepare()
    for name in ("master.key", "installation.json"):
        assert (home / name).stat().st_mode & 0o077 == 0
    assert place.prepare() == installation
    assert all(password not in repr(installation) for password in installation.passwords.values())
    os.chmod(home / "master.key", 0o644)  # noqa: PTH101 - as a person would
    refused = peyvand("doctor", env=environment(home))
    assert refused.returncode == 1
    assert "0600" in refused.stdout


def test_only_the_schedule_has_the_owners_logins(tmp_path: Path) -> None:
    owners = {name: f"postgresql://owner@/{name.lower()}" for name in OWNER_URLS}
    listener = socket.socket()
    with listener:
        made = parts(
            Home(tmp_path),
            {"DATABASE_URL": "postgresql://app@/db", "SANDBOX_DATABASE_URL": "x", **owners},
            {},
            dict.fromkeys(FRONTS, listener),
            background_log=None,
        )
        found = {each.name: set(each.environment) & set(owners) for each in made}
    assert found.pop("schedule") == {"DATABASE_OWNER_URL", "SANDBOX_DATABASE_OWNER_URL"}
    assert not any(found.values())
    assert {"gateway", "relay", "worker-sandboxes"} <= set(found)
