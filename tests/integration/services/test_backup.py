"""A backup of a living installation comes back elsewhere, whole, and goes on as if nothing was."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from config.backup.errors import BackupError, BrokenBackupError, RestoreRefusedError
from config.backup.making import make_backup
from config.backup.restoring import check_backup, fill, prove
from config.cli.audit import every_name
from config.home import Home
from config.services.postgres import APPLICATION, OWNER
from network.clock import local_date, wall_now
from network.database.connection import Database
from network.database.installation import move_clock
from network.events.queries import waiting
from network.events.service import publish
from network.ledger import audit as points
from network.members import sign_in
from network.money import audit as money
from network.operators import queries
from network.operators.service import add_operator
from network.operators.sessions import open_session
from network.services import Services
from network.settings import PROGRAMME_ZONE
from network.vault import Vault
from settlement.nightly import run_night
from tests.browser.console import story as stories
from tests.browser.console.story import Story
from tests.conftest import MASTER_KEY, DatabaseUrls
from tests.fixtures.cluster import Cluster
from tests.fixtures.memory import passable_directory
from tests.fixtures.programme import Programme
from tests.integration.services.helpers import environment, peyvand
from tests.integration.settlement.pictures import documents, facts

KEY = base64.b64encode(MASTER_KEY).decode()


@pytest.fixture
def story(services: Services, programme: Programme) -> Story:
    """Return a coalition with one settled day, and one that has only been played."""
    made = stories.begin(services, programme, days_ago=2)
    made.play_day(0)
    made.night()
    made.play_day(1)
    return made


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a directory that the services' account can pass through."""
    with passable_directory("pv-backup-") as directory:
        yield directory


def test_it_goes_on_elsewhere_as_if_nothing_had_happened(
    services: Services, story: Story, database_urls: DatabaseUrls, redis_url: str, place: Path
) -> None:
    first, second = story.first_day, story.first_day + timedelta(days=1)
    with services.database.unit_of_work() as session:
        waiting_id = publish(session, topic="test.waits", payload={"number": 1})
        token = signed_in(session, services)
        in_force = session.scalar(
            text("SELECT count(*) FROM network.merchant_key WHERE revoked_at IS NULL")
        )
    file = place / "peyvand.backup"
    servers = environment(
        place / "unused",
        DATABASE_URL=database_urls.application,
        DATABASE_OWNER_URL=database_urls.owner,
        REDIS_URL=redis_url,
        PEYVAND_MASTER_KEY=KEY,
    )
    made = peyvand("backup", str(file), "--json", env=servers)
    assert made.returncode == 0, made.stderr
    manifest = json.loads(made.stdout)
    assert manifest["state"]["days"] == {"open": str(second), "settled": str(first)}
    assert file.stat().st_mode & 0o777 == 0o600
    content = file.read_bytes()
    assert KEY.encode() not in content
    assert MASTER_KEY not in content

    # A fresh home: another cluster, other passwords, the same master key.
    key_file = place / "kept.key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    home = environment(place / "home")
    refused = peyvand("restore", str(file), env=home)
    assert (refused.returncode, "--master-key" in refused.stderr) == (1, True), refused.stderr
    assert not (place / "home" / "installation.json").exists()
    arguments = ("restore", str(file), "--master-key", str(key_file), "--json")
    restored = peyvand(*arguments, env=home)
    assert restored.returncode == 0, restored.stderr
    outcome = json.loads(restored.stdout)
    assert (outcome["installed"], outcome["differences"]) == (True, [])
    assert outcome["state"] == manifest["state"]
    assert outcome["sign_ins_ended"] >= 1
    assert len(outcome["keys_in_force"]) == in_force
    again = peyvand(*arguments, env=home)
    assert (again.returncode, "--replace" in again.stderr) == (1, True), again.stderr

    # Both live through the next night and come to the same bytes.
    story.night()
    with restored_services(Home(place / "home"), services) as other:
        with other.database.reading() as session:
            assert waiting_id in {each.event_id for each in waiting(session, limit=1000)}
            assert queries.by_session(session, token=token, wall=wall_now()) is None
        move(other, to=story.programme.now())
        run_night(other, started_by="schedule")
        for day in (first, second):
            assert documents(other, day) == documents(services, day)
        assert facts(other.database) == facts(services.database)
        with (
            pytest.raises(Exception, match="permission denied"),
            other.database.ledger() as connection,
        ):
            connection.execute(text("DELETE FROM ledger.movement"))


def signed_in(session: Session, services: Services) -> str:
    """Let somebody sign in at the console before the backup; return the token of the browser."""
    added = add_operator(
        session,
        vault=services.vault,
        now=wall_now(),
        email="backup@example.org",
        name="Anna",
        role="viewer",
        password="correct horse battery",
    )
    token = open_session(
        session,
        operator_id=added.operator.operator_id,
        wall=wall_now(),
        user_agent="test",
        address="127.0.0.1",
    )
    assert queries.by_session(session, token=token, wall=wall_now()) is not None
    return token


@contextmanager
def restored_services(home: Home, like: Services) -> Iterator[Services]:
    postgres = home.postgres(home.installation())
    postgres.start()
    database = Database(postgres.url(APPLICATION))
    try:
        yield replace(like, database=database)
    finally:
        database.dispose()
        postgres.stop()


def move(services: Services, *, to: datetime) -> None:
    with services.database.unit_of_work() as session:
        move_clock(session, to=to, wall=wall_now())


def quiet(_name: str) -> None:
    """Tell nobody."""


def test_what_is_not_whole_or_not_ours_is_refused_before_anything_changes(
    services: Services, story: Story, cluster: Cluster, vault: Vault, place: Path
) -> None:
    file, owner = place / "one", services.settings.owner_url or ""
    tables: list[str] = []
    with services.database.unit_of_work() as session:
        sign_in.request_code(
            session,
            vault,
            phone="+989125550001",
            address=None,
            locale="fa",
            domain="wallet.example",
            wall=wall_now(),
        )
    make_backup(services, owner_url=owner, target=file, wall=wall_now(), progress=tables.append)
    assert "ledger.business_day" in tables
    with pytest.raises(BackupError, match="replaces nothing"):
        make_backup(services, owner_url=owner, target=file, wall=wall_now(), progress=quiet)
    with services.database.reading() as session:
        (act,) = queries.acts(session, limit=5, action="backup.made")
    manifest = check_backup(file, vault=vault)
    assert act.facts["sha256"] == manifest.digest

    with pytest.raises(BrokenBackupError, match="another master key"):
        check_backup(file, vault=Vault(bytes(32)))
    content = file.read_bytes()
    for changed, words in (
        (content[: len(content) // 2], "not a whole backup"),
        (content.replace(b'"seal"', b'"soul"', 1), "was changed"),
        (content[:9000] + bytes([content[9000] ^ 1]) + content[9001:], "not the one"),
    ):
        other = place / "changed"
        other.write_bytes(changed)
        with pytest.raises(BrokenBackupError, match=words):
            check_backup(other, vault=vault)

    with pytest.raises(RestoreRefusedError, match="not empty"):
        fill(file, manifest=manifest, owner_url=owner, progress=quiet)
    with cluster.fresh_database(empty=True) as name:
        url = cluster.url(OWNER, database=name)
        fill(file, manifest=manifest, owner_url=url, progress=quiet)
        # What the owner changes behind the ledgers' backs is found by the proof: points, and money.
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE ledger.wallet SET available = available + 1"))
            connection.execute(text("ALTER TABLE network.statement DISABLE TRIGGER append_only"))
            connection.execute(
                text("UPDATE network.statement SET closing = closing + 7, returned = returned + 7")
            )
        engine.dispose()
        database = Database(cluster.url(APPLICATION, database=name))
        proof = prove(
            database,
            owner_url=url,
            manifest=manifest,
            today=local_date(wall_now(), zone=PROGRAMME_ZONE),
            wall=wall_now(),
        )
        with database.reading() as session:
            codes = "SELECT count(*) FROM network.one_time_code WHERE used_at IS NULL"
            assert session.scalar(text(codes)) == 0
        database.dispose()
    assert set(proof.differences) & set(points.check_names())
    assert set(proof.differences) & set(money.check_names())
    assert proof.checks == len(every_name()) + 1  # and the chain of the audit log
    assert proof.doors.codes == 1
    assert not proof.clean
