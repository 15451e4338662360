"""How a process comes to its settings and services: from the environment, or from the home.

With DATABASE_URL the environment says everything (production: REDIS_URL and PEYVAND_MASTER_KEY
too). Without it the home directory does, and what runs there belongs to us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.home import Home, HomeBusyError
from config.services.postgres import APPLICATION, OWNER
from network.database.connection import Database, DatabaseUnavailableError
from network.errors import ConfigurationError, PeyvandError
from network.language import gettext as _
from network.services import Services
from network.settings import Settings

_PATIENCE_SECONDS = 60.0


class NotMigratedError(PeyvandError):
    """The database lacks migrations that this code needs."""

    code = "database_behind"


def embedded(environment: Mapping[str, str]) -> bool:
    """Return whether the installation runs its own PostgreSQL."""
    return not environment.get("DATABASE_URL")


def load_settings(environment: Mapping[str, str], *, owner: bool = False) -> Settings:
    """Return the settings of this installation; with ``owner`` also the owner's URL.

    Raises ConfigurationError or HomeError naming what is missing.
    """
    if not embedded(environment):
        known = dict(environment)
        if not owner:
            known.pop("DATABASE_OWNER_URL", None)
            known.pop("SANDBOX_DATABASE_OWNER_URL", None)
        return _checked(Settings.from_environment(known))
    home = Home.from_environment(environment)
    installation = home.installation()
    postgres = home.postgres(installation)
    found = {
        "REDIS_URL": home.valkey(installation).url(),
        "PEYVAND_MASTER_KEY": environment.get("PEYVAND_MASTER_KEY") or home.master_key(),
        **home.addresses(),
        **environment,
        "DATABASE_URL": postgres.url(APPLICATION),
    }
    for elsewhere in ("DATABASE_OWNER_URL", "SANDBOX_DATABASE_URL", "SANDBOX_DATABASE_OWNER_URL"):
        found.pop(elsewhere, None)
    if owner:
        found["DATABASE_OWNER_URL"] = postgres.url(OWNER)
    return replace(_checked(Settings.from_environment(found)), embedded=True)


@contextmanager
def open_services(
    environment: Mapping[str, str], *, application_name: str, owner: bool = False
) -> Iterator[Services]:
    """Yield the services for one command, on a database that is known to be migrated.

    Where the installation runs its own servers and nobody has started them, they run for as long
    as the block. Raises PeyvandError with one sentence where that is not possible.
    """
    with ExitStack() as stack:
        if embedded(environment):
            stack.enter_context(running_servers(environment))
        settings = load_settings(environment, owner=owner)
        services = Services.from_settings(settings, application_name=application_name)
        stack.callback(services.database.dispose)
        check_revision(services.database)
        yield services


@contextmanager
def running_servers(environment: Mapping[str, str]) -> Iterator[None]:
    """Have the home's PostgreSQL and Valkey run during the block: whoever's they are."""
    home = Home.from_environment(environment)
    installation = home.installation()
    with ExitStack() as stack:
        try:
            stack.enter_context(home.lock("command"))
        except HomeBusyError:
            if home.held_by()[0] == "up":
                yield
                return
            stack.enter_context(home.lock("command", patience_seconds=_PATIENCE_SECONDS))
        home.make_places(installation)
        for server in home.servers(installation, environment):
            stack.callback(server.stop)
            server.start()
        yield


def check_revision(database: Database) -> None:
    """Raise where the database is unreachable, behind this code, or ahead of it."""
    # Alembic is as large as all of a front's own code, and fronts and workers never migrate.
    from network.database.migrate import head_revision, refuse_newer

    revision = revision_of(database)
    refuse_newer(revision)
    if revision != head_revision():
        raise NotMigratedError(
            _("The database lacks migrations of this version: run 'peyvand migrate' first.")
        )


def revision_of(database: Database) -> str | None:
    """Return the revision the database is at, ``None`` where it was never migrated."""
    try:
        with database.ledger() as connection:
            revision = connection.execute(
                text("SELECT version_num FROM network.alembic_version")
            ).scalar()
    except DatabaseUnavailableError as error:
        reason = str(getattr(error.__cause__, "orig", "")).strip().splitlines()
        raise DatabaseUnavailableError(
            _(
                "PostgreSQL cannot be reached with DATABASE_URL: %(reason)s",
                reason=reason[0] if reason else error.message,
            )
        ) from error
    except DBAPIError:
        return None
    return None if revision is None else str(revision)


def _checked(settings: Settings) -> Settings:
    """Refuse a REDIS_URL that no client understands, before anything connects."""
    if not settings.redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigurationError(
            _("REDIS_URL must begin with redis://, rediss:// or unix://."), field="REDIS_URL"
        )
    return settings
