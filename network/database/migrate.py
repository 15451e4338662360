"""Brings a database to the schema that this code knows.

Tables change through numbered migrations (Alembic, plain SQL beside each). The ledger's functions
are *repeatable*: every file under ``network/ledger/sql/`` whose SHA-256 differs from the one
recorded in ``network.repeatable`` is applied again, after the numbered ones and in the same
transaction, so that the current text of a function stands in one file and its history in git.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from network.errors import PeyvandError

MIGRATIONS = Path(__file__).parent / "migrations"
REPEATABLE = Path(__file__).parent.parent / "ledger" / "sql"
_MIGRATION_LOCK = 0x7065_7976_616E_64
_LOCK_TIMEOUT = "5s"
"""A statement that waits for a table makes every later writer of it wait behind: soon enough it
gives up instead, and the whole migration is tried again."""
_LOCK_TIMED_OUT = "55P03"


class NewerDatabaseError(PeyvandError):
    """The database was migrated by a newer version of Peyvand than this one."""

    code = "database_newer"


class DatabaseBusyError(PeyvandError):
    """A table that a migration changes stayed in use by others; nothing was changed."""

    code = "database_busy"


def migrate(owner_url: str) -> list[str]:
    """Apply what is missing as the owner; return the names of what was applied.

    Safe to call from several processes at once: an advisory lock lets one through at a time.
    Raises NewerDatabaseError where the database knows a revision that this code does not, and
    DatabaseBusyError where a table was in use by others for too long.
    """
    engine = create_engine(owner_url)
    try:
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            return _upgrade(connection) + _apply_repeatable(connection)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_TIMED_OUT:
            raise
        raise DatabaseBusyError(
            f"a table was in use for more than {_LOCK_TIMEOUT}; nothing was changed: "
            "try again, or end what holds it"
        ) from error
    finally:
        engine.dispose()


def alembic_config() -> Config:
    """Return Alembic's configuration for the migrations of this package."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def head_revision() -> str:
    """Return the newest revision that this code knows."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    return head or ""


def current_revision(connection: Connection) -> str | None:
    """Return the revision that the database is at, ``None`` where it is empty."""
    context = MigrationContext.configure(connection, opts={"version_table_schema": "network"})
    return context.get_current_revision()


def refuse_newer(revision: str | None) -> None:
    """Raise NewerDatabaseError where ``revision`` is one that this code does not know."""
    if revision is None:
        return
    known = {
        script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    }
    if revision not in known:
        raise NewerDatabaseError(
            f"the database is at revision {revision}, which this version does not know; "
            "start the version that migrated it, or a newer one"
        )


def repeatable_files() -> list[Path]:
    """Return the files of functions in the order in which they are applied (by name)."""
    return sorted(REPEATABLE.glob("*.sql"))


def _upgrade(connection: Connection) -> list[str]:
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS network"))
    before = current_revision(connection)
    refuse_newer(before)
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    after = current_revision(connection)
    if before == after:
        return []
    # The application compares the revision with its own, to say what to do about a difference.
    connection.execute(text("GRANT SELECT ON network.alembic_version TO peyvand_app"))
    return [f"{before or 'empty'} → {after}"]


def _apply_repeatable(connection: Connection) -> list[str]:
    rows = connection.execute(text("SELECT name, digest FROM network.repeatable"))
    recorded: dict[str, str] = {row.name: row.digest for row in rows}
    applied = []
    for path in repeatable_files():
        source = path.read_text(encoding="utf-8")
        digest = sha256(source.encode()).hexdigest()
        if recorded.get(path.name) == digest:
            continue
        connection.exec_driver_sql(source.replace("%", "%%"))
        connection.execute(
            text(
                "INSERT INTO network.repeatable (name, digest) VALUES (:name, :digest) "
                "ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, applied_at = now()"
            ),
            {"name": path.name, "digest": digest},
        )
        applied.append(path.name)
    return applied
