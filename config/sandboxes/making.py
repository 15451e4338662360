"""Making the databases of sandboxes ahead, keeping them at this code's schema, dropping them.

Only whoever may act as the owner does this: the schedule. Every step is written down in the table
of sandboxes before it is taken, so a process that dies leaves nothing behind that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from uuid import UUID

import structlog
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from network.database.connection import Database
from network.database.migrate import DatabaseBusyError, migrate, schema_digest
from network.errors import PeyvandError
from network.ledger.partitions import keep_in_one_partition
from network.sandboxes import queries, service
from network.sandboxes.opening import database_url, owner_url, sandbox_services
from network.sandboxes.queries import SandboxView
from network.services import Services

SPARES = 2
"""Ready for whoever comes first; the schedule makes others while they are furnished."""

_LOCK = 0x7361_6E64_626F_78
_IN_USE = "55006"
_DATABASES = text("SELECT datname FROM pg_catalog.pg_database")
_MAY_MAKE = text(
    "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
)
_END_SESSIONS = text(
    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
    "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
)


def keep(services: Services, *, now: datetime) -> bool:
    """Drop, bring up to date and make what there is to; return whether anything was done.

    Does nothing without an owner's URL, or while another process is at it. ``now`` is wall time.
    """
    url = owner_url(services.settings)
    if url is None:
        return False
    with _alone(services) as mine:
        if not mine:
            return False
        maker = Maker(services=services, url=url, now=now)
        try:
            done = maker.drop()
            done |= maker.bring_up_to_date()
            return maker.make_spares() or done
        finally:
            maker.close()


@contextmanager
def _alone(services: Services) -> Iterator[bool]:
    """Yield whether no other process keeps the sandboxes of this installation meanwhile."""
    key = {"key": _LOCK}
    with services.database.ledger() as connection:
        mine = bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar_one())
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


class Maker:
    """The hands of an owner who may make databases, on the server that sandboxes are on."""

    def __init__(self, *, services: Services, url: str, now: datetime) -> None:
        self._services = services
        self._database = services.database
        self._most = services.settings.most_sandboxes
        self._url = url
        self._now = now
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def drop(self) -> bool:
        """Drop what was discarded or never finished; what is in use again waits for the next time.

        The owner may not end the application's sessions, so the application does.
        """
        with self._database.unit_of_work() as session:
            service.discard_unused(session, now=self._now)
            found = service.to_drop(session, now=self._now)
        dropped = 0
        for each in found:
            self._end_sessions(each)
            try:
                with self._engine.connect() as connection:
                    _execute(connection, "DROP DATABASE IF EXISTS {}", each)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != _IN_USE:
                    raise
                continue
            with self._database.unit_of_work() as session:
                service.forget(session, sandbox_id=each.sandbox_id)
            dropped += 1
        return dropped > 0

    def _end_sessions(self, view: SandboxView) -> None:
        """End what processes hold open of a sandbox that nobody is to use any more."""
        inside = sandbox_services(self._services, view, application_name="peyvand-schedule")
        try:
            with inside.database.ledger() as connection:
                connection.execute(_END_SESSIONS)
        except (PeyvandError, DBAPIError):
            pass  # it was never finished, or is gone already
        finally:
            inside.database.dispose()

    def bring_up_to_date(self) -> bool:
        """Migrate one sandbox that lacks migrations of this code; a spare is dropped instead."""
        with self._database.unit_of_work() as session:
            found = service.behind(session, schema_digest=schema_digest())
            for each in found:
                if each.merchant_id is None:
                    service.discard(session, sandbox_id=each.sandbox_id, now=self._now)
        stale = next((each for each in found if each.merchant_id is not None), None)
        if stale is None:
            return bool(found)
        try:
            _migrate(database_url(self._url, name=stale.database_name))
        except DatabaseBusyError:
            return False
        self._finish(stale.sandbox_id)
        return True

    def make_spares(self) -> bool:
        """Make databases until SPARES are ready, as long as there may be more."""
        with self._database.unit_of_work() as session:
            counts = queries.counts(session)
            wanted = min(SPARES - counts.spare, self._most - counts.taken - counts.spare)
            if wanted <= 0 < SPARES - counts.spare and self._most > 0:
                service.make_room(session, now=self._now)
        for _ in range(wanted):
            self._make()
        return wanted > 0

    def _make(self) -> None:
        """Make one: empty, migrated, simulated, and open to the application alone."""
        with self._database.unit_of_work() as session:
            sandbox_id = service.begin(session, schema_digest=schema_digest(), now=self._now)
        view = _unmade(sandbox_id)
        with self._engine.connect() as connection:
            _execute(connection, "CREATE DATABASE {}", view)
            _execute(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", view)
        url = database_url(self._url, name=view.database_name)
        _migrate(url)
        engine = create_engine(url, hide_parameters=True)
        try:
            with engine.begin() as connection:
                _execute(connection, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO peyvand_app", view)
                connection.execute(text("UPDATE network.installation SET simulated = true"))
        finally:
            engine.dispose()
        self._finish(sandbox_id)

    def _finish(self, sandbox_id: UUID) -> None:
        with self._database.unit_of_work() as session:
            service.finish(
                session, sandbox_id=sandbox_id, schema_digest=schema_digest(), now=self._now
            )


def may_make(services: Services) -> bool | None:
    """Return whether the owner may make databases; ``None`` where its URL is not given here.

    Raises DatabaseUnavailableError where the sandboxes' server cannot be reached.
    """
    url = owner_url(services.settings)
    if url is None:
        return None
    database = Database(url, pool_size=1, application_name="peyvand-doctor")
    try:
        with database.ledger() as connection:
            return bool(connection.execute(_MAY_MAKE).scalar_one())
    finally:
        database.dispose()


def keep_quietly(services: Services, *, now: datetime, checked: date | None) -> date | None:
    """Do ``keep``, and once a day ``forget_missing``; return the day of the last of these.

    Where PostgreSQL refuses, the log says so: live merchants do not wait for a sandbox. Raises
    DatabaseUnavailableError where the live data cannot be reached.
    """
    today = now.date()
    try:
        if checked != today:
            forget_missing(services)
        keep(services, now=now)
    except DBAPIError as error:
        log = structlog.get_logger("peyvand.schedule")
        log.warning("no sandbox made", sqlstate=getattr(error.orig, "sqlstate", None))
        return checked
    return today


def forget_missing(services: Services) -> int:
    """Forget sandboxes whose databases are not there, as after a restore; return how many."""
    url = owner_url(services.settings)
    if url is None:
        return 0
    engine = create_engine(url, hide_parameters=True)
    try:
        with services.database.unit_of_work() as session, engine.connect() as connection:
            there = set(connection.execute(_DATABASES).scalars())
            missing = [each for each in queries.made(session) if each.database_name not in there]
            for each in missing:
                service.forget(session, sandbox_id=each.sandbox_id)
    finally:
        engine.dispose()
    return len(missing)


def _migrate(url: str) -> None:
    """Migrate a sandbox's database, and have it make no partition a day."""
    migrate(url)
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.begin() as connection:
            keep_in_one_partition(connection)
    finally:
        engine.dispose()


def _unmade(sandbox_id: UUID) -> SandboxView:
    return SandboxView(
        sandbox_id=sandbox_id,
        merchant_id=None,
        schema_digest=schema_digest(),
        made_at=None,
        taken_at=None,
        furnished_at=None,
        used_at=None,
        due_at=None,
    )


def _execute(connection: Connection, statement: str, view: SandboxView) -> None:
    """Execute a statement about a sandbox's database, whose name has letters and digits only."""
    connection.exec_driver_sql(statement.format(f'"{view.database_name}"'))
