"""``peyvand audit``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from itertools import chain
from typing import TYPE_CHECKING

import click

from network.language import gettext as _
from network.language import ngettext

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from network.ledger.audit import Check
    from network.ledger.seal import Verifier


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of checks as JSON.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Check entry by entry from this business day on only; earlier days by their seals.",
)
@click.option(
    "--rebuild",
    is_flag=True,
    help="Also recompute wallets and lots from sealed month ends and later postings.",
)
def audit(as_json: bool, rebuild: bool, since: datetime | None) -> None:  # noqa: FBT001 - click hands flags in by name
    """Check every invariant of the ledgers of points and money; exit 1 on any difference."""
    from config.environment import open_services
    from network.ledger.rebuild import rebuild_checks, rebuild_names

    with (
        open_services(os.environ, application_name="peyvand-audit") as services,
        services.database.snapshot() as session,
    ):
        verify = seal_verifier(session)
        day = None if since is None else since.date()
        running, names = every_check(session, verify=verify, since=day), every_name()
        if rebuild:
            running = chain(running, rebuild_checks(session, verify=verify))
            names += rebuild_names()
        done = list(running) if as_json else _show(running, names)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in done], ensure_ascii=False, indent=1))
    sys.exit(1 if any(check.differences for check in done) else 0)


def every_check(
    session: Session, *, verify: Verifier | None, since: date | None = None
) -> Iterator[Check]:
    """Yield the checks of points, of money and of decisions, one by one as they are done."""
    from network.ledger import audit as points
    from network.money import audit as money
    from network.operators import audit_decisions as decisions

    yield from points.checks(session, verify=verify, since=since)
    yield from money.checks(session)
    yield from decisions.checks(session)


def every_name() -> list[str]:
    """Return the names of these checks in their order."""
    from network.ledger import audit as points
    from network.money import audit as money
    from network.operators import audit_decisions as decisions

    return points.check_names() + money.check_names() + decisions.check_names()


def seal_verifier(session: Session) -> Verifier:
    """Return what says whether a seal's signature is by a key of the network, retired or not."""
    import base64

    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from network.signing.queries import published_keys

    keys = {
        key["kid"]: Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
        for key in published_keys(session)
    }

    def verify(key_id: str, message: bytes, signature: bytes) -> bool:
        if key_id not in keys:
            return False
        try:
            keys[key_id].verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify


def _show(running: Iterator[Check], names: list[str]) -> list[Check]:
    """Print a table, with the check under way on the terminal while it grows."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False)
    table.add_column(_("Check"))
    table.add_column(_("Rows"), justify="right")
    table.add_column(_("Differences"), justify="right")
    done: list[Check] = []
    with console.status(_("Checking …")) as status:
        for name in names:
            status.update(_("Checking %(name)s …", name=name))
            check = next(running)
            done.append(check)
            style = "bold red" if check.differences else None
            table.add_row(check.name, f"{check.rows:,}", f"{check.differences:,}", style=style)
    console.print(table)
    for check in done:
        for example in check.examples:
            console.print(f"{check.name}: {example}", markup=False, highlight=False)
    wrong = sum(1 for check in done if check.differences)
    if wrong:
        console.print(
            ngettext(
                "%(count)s check found differences.",
                "%(count)s checks found differences.",
                wrong,
                count=wrong,
            )
        )
    else:
        console.print(_("No differences."))
    return done
