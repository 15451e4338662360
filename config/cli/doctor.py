"""``peyvand doctor``."""

from __future__ import annotations

import json
import os
import sys

import click

from network.language import gettext as _


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of checks as JSON.")
def doctor(as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Say what is configured, reachable, migrated and writable, and what to do."""
    from config.doctor import examine

    findings = examine(os.environ)
    if as_json:
        rows = [
            {"check": f.check, "ok": f.ok, "found": f.found, "advice": f.advice} for f in findings
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            mark = _("ok") if finding.ok else _("wrong")
            click.echo(f"{mark:>6}  {finding.check}: {finding.found}")
            if finding.advice:
                click.echo(f"        → {finding.advice}")
    sys.exit(0 if all(finding.ok for finding in findings) else 1)
