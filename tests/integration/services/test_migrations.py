"""Migrations: one head, from nothing to it, and again without a change."""

from __future__ import annotations

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from network.database import migrate as migrations
from network.database.connection import Database
from network.database.migrate import (
    DatabaseBusyError,
    NewerDatabaseError,
    OtherDatabaseError,
    alembic_config,
    head_revision,
    migrate,
)
from network.language import use_locale


def test_there_is_one_head_and_one_line() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert scripts.get_heads() == [head_revision()]
    assert scripts.get_bases() == ["0001"]
    assert all(not isinstance(each.down_revision, tuple) for each in scripts.walk_revisions())


def test_from_nothing_to_the_head_and_again(empty_owner_url: str) -> None:
    applied = migrate(empty_owner_url)
    assert applied[0] == "empty → 0001"
    assert [name for name in applied if "→" in name][-1].endswith(f" → {head_revision()}")
    assert migrate(empty_owner_url) == []


def test_a_newer_database_is_refused_and_untouched(owner_url: str) -> None:
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE network.alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerDatabaseError, match="9999"):
        migrate(owner_url)
    with engine.begin() as connection:
        found = connection.execute(text("SELECT version_num FROM network.alembic_version"))
        assert found.scalars().all() == ["9999"]
    engine.dispose()


def test_a_database_made_by_another_state_of_a_migration_is_refused_and_untouched(
    owner_url: str,
) -> None:
    engine = create_engine(owner_url)
    for change, named in (
        ("UPDATE network.migration SET digest = 'another' WHERE revision = '0003'", "0003"),
        ("DROP TABLE network.migration", "0001"),
    ):
        with engine.begin() as connection:
            # Something to do, were it not refused.
            connection.execute(text("UPDATE network.repeatable SET digest = 'another'"))
            connection.execute(text(change))
        with use_locale("en"), pytest.raises(OtherDatabaseError, match=f"migration {named}: make"):
            migrate(owner_url)
        with use_locale("fa"), pytest.raises(OtherDatabaseError, match="از نو بسازید"):
            migrate(owner_url)
        with engine.begin() as connection:
            found = connection.execute(text("SELECT DISTINCT digest FROM network.repeatable"))
            assert found.scalars().all() == ["another"]
    engine.dispose()


def test_a_changed_function_is_applied_again(owner_url: str) -> None:
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        name = connection.execute(text("SELECT min(name) FROM network.repeatable")).scalar_one()
        connection.execute(
            text("UPDATE network.repeatable SET digest = 'another' WHERE name = :name"),
            {"name": name},
        )
    engine.dispose()
    assert migrate(owner_url) == [name]


def test_the_application_may_ask_which_revision_it_meets(database: Database) -> None:
    with database.reading() as session:
        found = session.execute(text("SELECT version_num FROM network.alembic_version")).scalar()
    assert found == head_revision()


def test_a_table_in_use_is_not_waited_for(owner_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "_LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(migrations, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(migrations, "_ATTEMPTS", 3)
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE network.repeatable IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(DatabaseBusyError, match="was not made"):
            migrate(owner_url)
    engine.dispose()
    assert migrate(owner_url) == []
