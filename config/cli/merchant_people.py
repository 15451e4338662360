"""``peyvand merchant invite``: the first administrator of a merchant's portal."""

from __future__ import annotations

import json

import click

from config.cli.merchant_work import done, find, working
from network.language import gettext as _
from network.operators.audit import SYSTEM
from network.portal import service
from network.portal.roles import ADMINISTRATOR, ROLES


@click.command()
@click.argument("code")
@click.argument("email")
@click.option("--name", help="Their name; the address where it is left out.")
@click.option("--role", type=click.Choice(ROLES), default=ADMINISTRATOR, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def invite(code: str, email: str, name: str | None, role: str, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Invite somebody to a merchant's portal and print the code that sets their password.

    The code is printed this once and is good for a week. Administrators invite the others.
    """
    with working("invite") as work:
        made = service.invite(
            work.session,
            work.services.vault,
            merchant=find(work, code),
            login=email,
            name=name or email,
            role=role,
            actor=SYSTEM,
            now=work.now,
        )
        address = f"{work.services.settings.portal_url}/welcome"
    if as_json:
        facts = {"login": made.user.login, "role": role, "address": address, "code": made.token}
        click.echo(json.dumps(facts))
        return
    click.echo(made.token)
    done(
        _(
            "Hand this code to %(login)s: whoever enters it at %(address)s sets the password.",
            login=made.user.login,
            address=address,
        )
    )
