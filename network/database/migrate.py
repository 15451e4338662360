"""Brings a database to the schema that this code knows, while others work on it.

Tables change through numbered migrations (Alembic, plain SQL beside each), every one in a
transaction of its own. The ledger's functions are *repeatable*: the files under
``network/ledger/sql/`` whose SHA-256 differs from the one recorded in ``network.repeatable`` are
applied again, after the numbered ones and all in one short transaction, so that the current text of
a function stands in one file and its history in git, and no caller meets half of a change.

A statement that waits for a table makes every later writer of it wait behind. So each transaction
waits only briefly, then gives up, lets the queue drain and tries again: nobody else stands still
for longer than ``_LOCK_TIMEOUT``. Between a table's change and the functions' the old functions run
on the new table, and a call that is under way may meet a new helper: migrations add before they
take away, and a helper that is to mean something else gets another name.

A migration that was released is never edited; before, it is. So the SHA-256 of each one's SQL is
kept where it was applied, and a database that another text made is refused before anything is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from network.errors import PeyvandError
from network.language import gettext as _

# Alembic takes a third of a second to load and is wanted by whoever migrates, or asks how far a
# database is; every front knows this module for the sandboxes it may have to make.
if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parent / "migrations"
REPEATABLE = Path(__file__).parent.parent / "ledger" / "sql"
_MIGRATION_LOCK = 0x7065_7976_616E_64
_LOCK_TIMEOUT = "400ms"
_ATTEMPTS = 40
_PAUSE_SECONDS = 0.6
"""Between two attempts: longer than they wait, so that a table is free most of the time."""
_LOCK_TIMED_OUT = "55P03"
_Done = TypeVar("_Done")


class NewerDatabaseError(PeyvandError):
    """The database was migrated by a newer version of Peyvand than this one."""

    code = "database_newer"


class OtherDatabaseError(PeyvandError):
    """A migration of the database had another text than this version's when it was applied."""

    code = "database_other"


class DatabaseBusyError(PeyvandError):
    """A table that a migration changes stayed in use by others; that migration was not applied."""

    code = "database_busy"


def migrate(owner_url: str) -> list[str]:
    """Apply what is missing as the owner; return the names of what was applied, in order.

    Safe under load, to repeat, and to call from several processes at once: an advisory lock lets
    one through at a time. Raises NewerDatabaseError where the database knows a revision that this
    code does not, OtherDatabaseError where one of its revisions had another text (before anything
    is done, both), and DatabaseBusyError where a table stayed in use by others through all
    attempts; what was applied before it stays.
    """
    engine = create_engine(owner_url)
    try:
        with engine.connect() as connection, _alone(connection):
            revisions = _with_patience(connection, partial(_missing, connection))
            applied = [
                _with_patience(connection, partial(_upgrade, connection, revision))
                for revision in revisions
            ]
            return applied + _with_patience(connection, partial(_apply_repeatable, connection))
    finally:
        engine.dispose()


def alembic_config() -> Config:
    """Return Alembic's configuration for the migrations of this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(alembic_config())


def head_revision() -> str:
    """Return the newest revision that this code knows."""
    return _scripts().get_current_head() or ""


@cache
def schema_digest() -> bytes:
    """Return 32 bytes that name this code's schema: its newest revision and all functions."""
    digest = sha256(head_revision().encode())
    for path in repeatable_files():
        digest.update(sha256(path.read_bytes()).digest())
    return digest.digest()


def current_revision(connection: Connection) -> str | None:
    """Return the revision that the database is at, ``None`` where it is empty."""
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"version_table_schema": "network"})
    return context.get_current_revision()


def refuse_newer(revision: str | None) -> None:
    """Raise NewerDatabaseError where ``revision`` is one that this code does not know."""
    if revision is None:
        return
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision not in known:
        raise NewerDatabaseError(
            f"the database is at revision {revision}, which this version does not know; "
            "start the version that migrated it, or a newer one"
        )


def repeatable_files() -> list[Path]:
    """Return the files of functions in the order in which they are applied (by name)."""
    return sorted(REPEATABLE.glob("*.sql"))


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Hold the migrations' lock across transactions; it goes with the connection at the latest."""
    key = {"key": _MIGRATION_LOCK}
    connection.execute(text("SELECT pg_advisory_lock(:key)"), key)
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
        connection.commit()


def _with_patience(connection: Connection, work: Callable[[], _Done]) -> _Done:
    """Do the work in one transaction, again and again while a table it needs is in use."""
    cause: DBAPIError | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            with connection.begin():
                connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
                return work()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_TIMED_OUT:
                raise
            cause = error
    raise DatabaseBusyError(
        "a table that has to change stayed in use; the change was not made: "
        "try again, or end what holds the table"
    ) from cause


def _missing(connection: Connection) -> list[str]:
    """Return the revisions that the database lacks, in their order."""
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS network"))
    before = current_revision(connection)
    refuse_newer(before)
    _refuse_other(connection, before)
    missing = [each.revision for each in _scripts().iterate_revisions("head", before)]
    return missing[::-1]


def _refuse_other(connection: Connection, current: str | None) -> None:
    """Raise OtherDatabaseError where a revision up to ``current`` is not that of this code."""
    if current is None:
        return
    recorded: dict[str, str] = {}
    if connection.execute(text("SELECT to_regclass('network.migration')")).scalar() is not None:
        rows = connection.execute(text("SELECT revision, digest FROM network.migration"))
        recorded = {row.revision: row.digest for row in rows}
    applied = [each.revision for each in _scripts().iterate_revisions(current, "base")]
    for revision in reversed(applied):
        if recorded.get(revision) != _digest_of(revision):
            raise OtherDatabaseError(
                _(
                    "The database was made by another state of migration %(revision)s: make it"
                    " anew, or take the version that made it.",
                    revision=revision,
                )
            )


def _digest_of(revision: str) -> str:
    """Return the SHA-256 of the SQL that stands beside a numbered migration."""
    digest = sha256()
    for path in sorted((MIGRATIONS / "sql").glob(f"{revision}_*.sql")):
        digest.update(path.read_text(encoding="utf-8").encode())
    return digest.hexdigest()


def _upgrade(connection: Connection, revision: str) -> str:
    from alembic import command

    before = current_revision(connection)
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    connection.execute(
        text("INSERT INTO network.migration (revision, digest) VALUES (:revision, :digest)"),
        {"revision": revision, "digest": _digest_of(revision)},
    )
    # The application compares the revision with its own, to say what to do about a difference.
    connection.execute(text("GRANT SELECT ON network.alembic_version TO peyvand_app"))
    return f"{before or 'empty'} → {revision}"


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
