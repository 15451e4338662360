"""``peyvand backup``: the whole installation in one file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from network.errors import ConfigurationError
from network.language import format_number
from network.language import gettext as _


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def backup(file: Path, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Write the whole installation into one file, while it goes on working.

    The master key is not in the file: keep it elsewhere, or what is sealed is lost.
    """
    from config.backup.making import make_backup
    from config.cli.bars import TableBar
    from config.environment import open_services
    from network.clock import wall_now

    with open_services(os.environ, application_name="peyvand-backup", owner=True) as services:
        owner_url = services.settings.owner_url
        if owner_url is None:
            raise ConfigurationError(
                _("Set DATABASE_OWNER_URL: backups need the login that owns the database."),
                field="DATABASE_OWNER_URL",
            )
        with TableBar(_("Tables"), quiet=as_json) as bar:
            manifest = make_backup(
                services,
                owner_url=owner_url,
                target=file.absolute(),
                wall=wall_now(),
                progress=bar.next,
                begin=bar.begin,
            )
    if as_json:
        click.echo(json.dumps(manifest.facts, ensure_ascii=False, indent=1))
        return
    click.echo(
        _(
            "%(file)s holds the installation: %(bytes)s bytes, %(entries)s entries, settled up "
            "to %(day)s.",
            file=file,
            bytes=format_number(file.stat().st_size),
            entries=format_number(manifest.state["rows"]["ledger.entry"]),
            day=manifest.state["days"]["settled"] or "—",
        )
    )
    click.echo(f"SHA-256 {manifest.digest}")
    click.echo(_("The master key is not in it: keep that in another place."))
