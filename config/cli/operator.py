"""``peyvand operator``: who may sign in to the console."""

from __future__ import annotations

import json
import os
import sys

import click
import segno

from config.environment import open_services
from network.clock import wall_now
from network.language import gettext as _
from network.operators import passwords, service
from network.operators.roles import ROLES, VIEWER


@click.group()
def operator() -> None:
    """Operators of the console."""


@operator.command()
@click.option("--email", required=True, help="Their e-mail address; they sign in with it.")
@click.option("--name", required=True, help="Their name, as the audit log shows it.")
@click.option("--role", type=click.Choice(ROLES), default=VIEWER, show_default=True)
@click.option("--generate", is_flag=True, help="Make a password and print it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, without a QR code.")
def add(email: str, name: str, role: str, generate: bool, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Add an operator.

    The password is asked for without echo, or read from standard input where that is no terminal.
    The secret for the authenticator app is printed this once.
    """
    password = passwords.generate() if generate else _asked()
    with (
        open_services(os.environ, application_name="peyvand-operator") as services,
        services.database.unit_of_work() as session,
    ):
        added = service.add_operator(
            session,
            vault=services.vault,
            now=wall_now(),
            email=email,
            name=name,
            role=role,
            password=password,
        )
        address = services.settings.console_url
    if as_json:
        facts = {
            "email": added.operator.email,
            "role": role,
            "totp_secret": added.totp_secret,
            "totp_uri": added.totp_uri,
            "console": address,
        }
        click.echo(json.dumps(facts | ({"password": password} if generate else {})))
        return
    click.echo(_("%(email)s may sign in at %(address)s", email=email, address=address))
    if generate:
        click.echo(_("Password: %(password)s", password=password))
    click.echo(_("Secret for the authenticator app: %(secret)s", secret=added.totp_secret))
    click.echo(added.totp_uri)
    segno.make(added.totp_uri, micro=False).terminal(compact=True)
    click.echo(_("It is shown this once. Scan the code now."))


def _asked() -> str:
    if sys.stdin.isatty():
        return str(click.prompt(_("Password"), hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
