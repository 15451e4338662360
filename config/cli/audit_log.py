"""``peyvand audit-log``: the operators' acts as a file with its chain, and whether one holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

import click

from network.language import format_number
from network.language import gettext as _


@click.group(name="audit-log")
def audit_log() -> None:
    """The audit log: write it into a file, check a file or the log itself."""


@audit_log.command()
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=False), default="-")
def export(file: IO[str]) -> None:
    """Write the whole log with its chain, a JSON object a line."""
    from config.environment import open_services
    from network.operators.chain_file import lines

    with (
        open_services(os.environ, application_name="peyvand-audit-log") as services,
        services.database.snapshot() as session,
    ):
        for line in lines(session):
            file.write(f"{line}\n")


@audit_log.command()
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--head", help="A head that was kept elsewhere; it has to stand in the chain.")
def verify(file: Path | None, head: str | None) -> None:
    """Check the chain of a file, or of the log itself; exit 1 where it is broken.

    A file is checked by itself, without an installation.
    """
    from network.operators.chain_file import verify_lines

    wanted = None if head is None else head.strip().lower()
    if file is None:
        from config.environment import open_services
        from network.operators.chain_file import lines

        with (
            open_services(os.environ, application_name="peyvand-audit-log") as services,
            services.database.snapshot() as session,
        ):
            found = verify_lines(lines(session), wanted=wanted)
    else:
        with file.open(encoding="utf-8") as text:
            found = verify_lines(text, wanted=wanted)
    if found.broken_line is not None:
        click.echo(_("The chain is broken at line %(line)s.", line=found.broken_line), err=True)
        sys.exit(1)
    click.echo(_("The chain holds: %(rows)s acts.", rows=format_number(found.rows)))
    click.echo(_("Head: %(head)s", head=found.head))
    if wanted is not None and not found.seen:
        click.echo(_("The head that was given does not stand in it."), err=True)
        sys.exit(1)
