"""Bringing a backup back: into an empty database, verified before and audited after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

from config.backup import file as files
from config.backup.doors import Doors, close_doors
from config.backup.errors import RestoreError, RestoreRefusedError
from config.backup.file import Manifest
from config.backup.state import is_empty, state_of
from config.backup.tools import Progress, running
from config.cli.audit import every_check, seal_verifier
from config.preparation import prepare_database
from network.database.connection import Database
from network.database.migrate import refuse_newer
from network.language import gettext as _
from network.operators import audit
from network.operators.audit import BACKUP_RESTORED, BACKUPS, SYSTEM, record_act
from network.vault import Vault

_GROUP = "peyvand_app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was checked after a restore; ``differences`` names what does not add up.

    ``doors`` is what was ended, and what can still sign.
    """

    checks: int
    differences: tuple[str, ...]
    applied: tuple[str, ...]
    doors: Doors

    @property
    def clean(self) -> bool:
        """Return whether everything adds up."""
        return not self.differences


def check_backup(path: Path, *, vault: Vault) -> Manifest:
    """Return the manifest of a backup that is whole, ours, and not newer than this code.

    Raises BrokenBackupError or NewerDatabaseError.
    """
    manifest = files.read_manifest(path)
    files.verify(path, manifest=manifest, vault=vault)
    refuse_newer(str(manifest.state["revision"]))
    return manifest


def fill(path: Path, *, manifest: Manifest, owner_url: str, progress: Progress) -> None:
    """Restore a verified backup into an empty database, as its owner, rights included.

    The revision, without which no process starts, comes last, so that half a restore is never
    taken for an installation. Raises RestoreRefusedError where the database is not empty, and
    RestoreError, after which it has to be dropped.
    """
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            if not is_empty(connection):
                raise RestoreRefusedError(
                    _("The database is not empty: a backup is restored into an empty one."),
                    reason="not_empty",
                )
            _ensure_group(connection)
        _pour(path, owner_url=owner_url, progress=progress)
        with engine.begin() as connection:
            connection.execute(
                text("INSERT INTO network.alembic_version (version_num) VALUES (:revision)"),
                {"revision": manifest.state["revision"]},
            )
            found = state_of(connection)
            if found != manifest.state:
                differing = [name for name in found if found[name] != manifest.state.get(name)]
                raise RestoreError(
                    _(
                        "The restored database is not what was backed up: %(names)s.",
                        names=", ".join(sorted(differing)),
                    )
                )
    finally:
        engine.dispose()


def prove(
    database: Database, *, owner_url: str, manifest: Manifest, today: date, wall: datetime
) -> Proof:
    """Migrate a restored database, audit it, end its sign-ins; the audit log says so."""
    applied = prepare_database(owner_url, today=today)
    with database.snapshot() as session:
        found = list(_audited(session))
    wrong = tuple(name for name, differences in found if differences)
    with database.unit_of_work() as session:
        doors = close_doors(session, wall=wall)
        record_act(
            session,
            now=wall,
            actor=SYSTEM,
            action=BACKUP_RESTORED,
            subject=BACKUPS,
            facts={
                "sha256": manifest.digest,
                "made_at": str(manifest.facts["made_at"]),
                "differences": list(wrong),
                "sign_ins_ended": doors.sign_ins,
                "codes_ended": doors.codes,
            },
        )
    return Proof(checks=len(found), differences=wrong, applied=tuple(applied), doors=doors)


def _audited(session: Session) -> Iterator[tuple[str, int]]:
    for check in every_check(session, verify=seal_verifier(session)):
        yield check.name, check.differences
    yield "audit_log", 0 if audit.verify(session).intact else 1


def _pour(path: Path, *, owner_url: str, progress: Progress) -> None:
    arguments = ("--exit-on-error", "--no-owner")
    with running(
        "pg_restore", *arguments, url=owner_url, progress=progress, writes=False
    ) as program:
        try:
            for chunk in files.dump(path):
                program.stdin.write(chunk)
            program.stdin.close()
        except BrokenPipeError:
            pass  # it gave up; its exit code and words say why
    if program.process.returncode != 0:
        raise RestoreError(_("pg_restore failed: %(words)s", words=program.words()))


def _ensure_group(connection: Connection) -> None:
    """Make the role that the dump's rights name, where the owner may and nobody has."""
    known = connection.execute(
        text("SELECT FROM pg_roles WHERE rolname = :name"), {"name": _GROUP}
    ).one_or_none()
    if known is None:
        connection.execute(text(f"CREATE ROLE {_GROUP} NOLOGIN"))
