"""``peyvand restore``: a backup comes back, audited."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from network.language import format_number
from network.language import gettext as _

if TYPE_CHECKING:
    from config.backup.file import Manifest
    from config.backup.installing import Restored


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--master-key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the master key in base64; it is not in the backup.",
)
@click.option("--replace", is_flag=True, help="Replace the installation that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def restore(file: Path, key_file: Path | None, replace: bool, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Bring a backup back into an empty installation, and audit it.

    Exit 1 where anything differs. An installation that is there is replaced only when asked, and
    only by a backup that has passed the audit.
    """
    from config.backup.installing import Steps
    from config.backup.installing import restore as install
    from config.cli.bars import TableBar
    from network.clock import wall_now

    with TableBar(_("Tables"), quiet=as_json) as bar:

        def verified(manifest: Manifest) -> None:
            bar.say(_("The backup is whole; made %(moment)s.", moment=manifest.facts["made_at"]))
            bar.begin(str(manifest.tables))

        done = install(
            file,
            environment=os.environ,
            overwrite=replace,
            key_file=key_file,
            wall=wall_now(),
            steps=Steps(verified=verified, table=bar.next, audit=lambda: bar.say(_("Auditing …"))),
        )
    if as_json:
        click.echo(json.dumps(_record(done), ensure_ascii=False, indent=1))
    else:
        _tell(done)
    sys.exit(0 if done.proof.clean else 1)


def _record(done: Restored) -> dict[str, object]:
    return {
        "installed": done.installed,
        "state": done.manifest.state,
        "made_at": done.manifest.facts["made_at"],
        "checks": done.proof.checks,
        "differences": list(done.proof.differences),
        "migrated": list(done.proof.applied),
        "sign_ins_ended": done.proof.doors.sign_ins,
        "codes_ended": done.proof.doors.codes,
        "keys_in_force": [
            {"key": key, "merchant": merchant} for key, merchant in done.proof.doors.keys
        ],
    }


def _tell(done: Restored) -> None:
    for name in done.proof.applied:
        click.echo(_("Applied: %(name)s", name=name))
    if not done.proof.clean:
        click.echo(
            _(
                "The backup was read, but the audit found differences: %(names)s.",
                names=", ".join(done.proof.differences),
            )
        )
        if not done.installed:
            click.echo(_("It was not put in place; what was there is untouched."))
        return
    click.echo(
        _(
            "Restored: %(entries)s entries, settled up to %(day)s; %(checks)s checks, no "
            "differences.",
            entries=format_number(done.manifest.state["rows"]["ledger.entry"]),
            day=done.manifest.state["days"]["settled"] or "—",
            checks=format_number(done.proof.checks),
        )
    )
    doors = done.proof.doors
    click.echo(
        _(
            "Ended: %(sign_ins)s sign-ins and %(codes)s codes; everybody signs in anew.",
            sign_ins=format_number(doors.sign_ins),
            codes=format_number(doors.codes),
        )
    )
    click.echo(
        _(
            "Look at this before the doors open: what was revoked, suspended or locked after "
            "%(moment)s is in force again, and passwords are those of then. Revoke it once more. "
            "Keys that can sign now: %(count)s",
            moment=done.manifest.facts["made_at"],
            count=format_number(len(doors.keys)),
        )
    )
    for key, merchant in doors.keys:
        click.echo(f"  {merchant}  {key}")
