"""Where a backup is restored to: a home of its own servers, or an empty database elsewhere.

In a home the backup goes into a database beside the present one, which is replaced only after the
restored one has passed the audit. So a restore that fails, or is killed, changes nothing.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from psycopg import sql

from config.backup.errors import RestoreRefusedError
from config.backup.file import Manifest
from config.backup.restoring import Proof, check_backup, fill, prove
from config.backup.tools import Progress
from config.environment import embedded, load_settings
from config.home import Home
from config.services.postgres import APPLICATION, DATABASE, OWNER, Postgres
from network.clock import local_date
from network.database.connection import Database
from network.errors import ConfigurationError
from network.language import gettext as _
from network.settings import PROGRAMME_ZONE, Settings, decode_master_key
from network.vault import Vault

BESIDE = f"{DATABASE}_restoring"
_REPLACED = f"{DATABASE}_replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How a restore tells where it is: the manifest once verified, tables, and the audit."""

    verified: Callable[[Manifest], None]
    table: Progress
    audit: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore brought back, and the proof; ``installed`` says that it is in its place."""

    manifest: Manifest
    proof: Proof
    installed: bool


def restore(
    path: Path,
    *,
    environment: Mapping[str, str],
    overwrite: bool,
    key_file: Path | None,
    wall: datetime,
    steps: Steps,
) -> Restored:
    """Restore a backup to where the environment points.

    ``key_file`` holds the master key in base64; a home without a key takes it over. Raises
    BrokenBackupError, RestoreRefusedError, RestoreError, HomeError and ConfigurationError.
    """
    if embedded(environment):
        return _to_home(
            path,
            environment=environment,
            overwrite=overwrite,
            key_file=key_file,
            wall=wall,
            steps=steps,
        )
    return _to_server(path, environment=environment, overwrite=overwrite, wall=wall, steps=steps)


def _to_server(
    path: Path,
    *,
    environment: Mapping[str, str],
    overwrite: bool,
    wall: datetime,
    steps: Steps,
) -> Restored:
    if overwrite:
        raise RestoreRefusedError(
            _("On a server nothing is replaced: make an empty database and name it instead."),
            reason="server",
        )
    settings = load_settings(environment, owner=True)
    if settings.owner_url is None:
        raise ConfigurationError(
            _("Set DATABASE_OWNER_URL: backups need the login that owns the database."),
            field="DATABASE_OWNER_URL",
        )
    manifest = check_backup(path, vault=Vault(settings.master_key))
    steps.verified(manifest)
    fill(path, manifest=manifest, owner_url=settings.owner_url, progress=steps.table)
    proof = _proved(settings, manifest=manifest, wall=wall, steps=steps)
    return Restored(manifest=manifest, proof=proof, installed=True)


def _to_home(
    path: Path,
    *,
    environment: Mapping[str, str],
    overwrite: bool,
    key_file: Path | None,
    wall: datetime,
    steps: Steps,
) -> Restored:
    home = Home.from_environment(environment)
    key = _master_key(home, environment=environment, key_file=key_file)
    manifest = check_backup(path, vault=Vault(decode_master_key(key)))
    steps.verified(manifest)
    with home.lock("command"):
        home.keep_master_key(key)
        installation = home.prepare()
        home.make_places(installation)
        postgres = home.postgres(installation)
        try:
            postgres.start()
            if not overwrite and not _untouched(postgres):
                raise RestoreRefusedError(
                    _(
                        "There is an installation in %(home)s already; --replace puts the backup "
                        "in its place, once the backup has passed the audit.",
                        home=home.path,
                    ),
                    reason="not_empty",
                )
            settings = _beside(postgres, environment)
            fill(
                path,
                manifest=manifest,
                owner_url=settings.owner_url or "",
                progress=steps.table,
            )
            proof = _proved(settings, manifest=manifest, wall=wall, steps=steps)
            if proof.clean:
                _put_in_place(postgres)
        finally:
            postgres.stop()
    return Restored(manifest=manifest, proof=proof, installed=proof.clean)


def _proved(settings: Settings, *, manifest: Manifest, wall: datetime, steps: Steps) -> Proof:
    steps.audit()
    database = Database(settings.database_url, application_name="peyvand-restore")
    try:
        return prove(
            database,
            owner_url=settings.owner_url or "",
            manifest=manifest,
            today=local_date(wall, zone=PROGRAMME_ZONE),
            wall=wall,
        )
    finally:
        database.dispose()


def _master_key(home: Home, *, environment: Mapping[str, str], key_file: Path | None) -> str:
    """Return the key that the backup's secrets were sealed with: it is not in the backup."""
    if key_file is not None:
        try:
            if stat.S_IMODE(key_file.stat().st_mode) & 0o077:
                raise ConfigurationError(
                    _("%(file)s can be read by others: set its mode to 0600.", file=key_file)
                )
            return key_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                _("%(file)s cannot be read: %(reason)s", file=key_file, reason=str(error))
            ) from error
    if environment.get("PEYVAND_MASTER_KEY"):
        return environment["PEYVAND_MASTER_KEY"].strip()
    if (home.path / "master.key").exists():
        return home.master_key()
    raise RestoreRefusedError(
        _(
            "The master key is not in a backup: give the one that was kept beside it "
            "(--master-key FILE, or PEYVAND_MASTER_KEY)."
        ),
        reason="no_master_key",
    )


def _untouched(postgres: Postgres) -> bool:
    with postgres.connect(database=DATABASE) as connection:
        return (
            connection.execute("SELECT FROM pg_namespace WHERE nspname = 'network'").fetchone()
            is None
        )


def _beside(postgres: Postgres, environment: Mapping[str, str]) -> Settings:
    """Make the database to restore into and return settings that point at it."""
    with postgres.connect() as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(BESIDE))
        )
        postgres.create_database(connection, BESIDE)
    return replace(
        load_settings(environment, owner=True),
        database_url=postgres.url(APPLICATION, database=BESIDE),
        owner_url=postgres.url(OWNER, database=BESIDE),
    )


def _put_in_place(postgres: Postgres) -> None:
    """Give the restored database the name that everything uses, then drop the one before."""
    present, restored, old = map(sql.Identifier, (DATABASE, BESIDE, _REPLACED))
    with postgres.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(old))
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(rename.format(present, old))
        connection.execute(rename.format(restored, present))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(old))
