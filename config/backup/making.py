"""Making a backup of a living installation: one snapshot, dumped while everybody goes on."""

from __future__ import annotations

import os
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text

from config.backup import file as files
from config.backup.errors import BackupError
from config.backup.file import Manifest
from config.backup.state import state_of, table_count
from config.backup.tools import Progress, running
from network.language import gettext as _
from network.operators.audit import BACKUP_MADE, BACKUPS, SYSTEM, record_act
from network.services import Services

HELD_BACK = "--exclude-table-data=network.alembic_version"
"""The revision stands in the manifest; a restore writes it last, once everything else is there."""


def make_backup(
    services: Services,
    *,
    owner_url: str,
    target: Path,
    wall: datetime,
    progress: Progress,
    begin: Progress | None = None,
) -> Manifest:
    """Write a backup of the whole database to ``target`` and note it in the audit log.

    What the manifest says and what is dumped are of one moment. ``begin`` is told the number of
    tables. Raises BackupError with nothing left behind, also where the file exists already.
    """
    if target.exists():
        raise BackupError(_("%(file)s exists already: a backup replaces nothing.", file=target))
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        manifest = _write(
            services,
            owner_url=owner_url,
            partial=partial,
            wall=wall,
            progress=progress,
            begin=begin,
        )
        # A link fails where the name was taken meanwhile; a rename would replace.
        os.link(partial, target)
    except OSError as error:
        raise BackupError(
            _("%(file)s cannot be written: %(reason)s", file=target, reason=error.strerror or error)
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    with services.database.unit_of_work() as session:
        record_act(
            session,
            now=wall,
            actor=SYSTEM,
            action=BACKUP_MADE,
            subject=BACKUPS,
            facts={
                "bytes": target.stat().st_size,
                "sha256": manifest.digest,
                "revision": manifest.state["revision"],
            },
        )
    return manifest


def _write(
    services: Services,
    *,
    owner_url: str,
    partial: Path,
    wall: datetime,
    progress: Progress,
    begin: Progress | None,
) -> Manifest:
    engine = create_engine(owner_url)
    try:
        with engine.connect() as connection:
            # The snapshot lives as long as this transaction, so it may idle while pg_dump works.
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            facts = _facts(connection, wall=wall)
            if begin is not None:
                begin(str(facts["tables"]))
            arguments = ("--format=custom", f"--snapshot={snapshot}", HELD_BACK)
            with running(
                "pg_dump", *arguments, url=owner_url, progress=progress, writes=True
            ) as program:
                manifest = files.write(
                    partial, source=program.stdout, facts=facts, vault=services.vault
                )
    finally:
        engine.dispose()
    if program.process.returncode != 0:
        raise BackupError(_("pg_dump failed: %(words)s", words=program.words()))
    return manifest


def _facts(connection: Connection, *, wall: datetime) -> dict[str, Any]:
    return {
        "peyvand": version("peyvand"),
        "postgresql": connection.execute(text("SHOW server_version")).scalar_one(),
        "made_at": wall.isoformat(),
        "tables": table_count(connection),
        "state": state_of(connection),
    }
