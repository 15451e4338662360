"""``peyvand up``."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

from network.language import gettext as _


def _port(name: str, default: int) -> click.Option:
    return click.Option(
        [f"--{name}-port"],
        type=click.IntRange(0, 65535),
        envvar=f"PEYVAND_{name.upper()}_PORT",
        default=default,
        show_default=True,
        help=f"Port of the {name}.",
    )


@click.command()
@click.option("--host", envvar="PEYVAND_HOST", default="127.0.0.1", show_default=True)
def up(host: str, **ports: int) -> None:
    """Run database, queue, fronts, workers and schedule; Ctrl-C stops all."""
    from config.logging import configure
    from config.up import Options
    from config.up import up as run

    configure("up")
    run(
        Options(
            host=host, ports={name.removesuffix("_port"): port for name, port in ports.items()}
        ),
        os.environ,
        announce=announce,
    )


up.params += [
    _port("gateway", 8800),
    _port("wallet", 8801),
    _port("console", 8802),
    _port("portal", 8803),
]


def announce(addresses: Mapping[str, str]) -> None:
    """Say where the fronts answer."""
    labels = {
        "gateway": _("Gateway for merchants"),
        "wallet": _("Wallet for members"),
        "console": _("Console for operators"),
        "portal": _("Portal for merchants"),
    }
    for name, url in addresses.items():
        click.echo(f"{labels[name]}: {url}")
    click.echo(_("Documentation for merchants: %(url)s", url=f"{addresses['gateway']}/docs"))
    click.echo(_("Applying to join: %(url)s", url=f"{addresses['gateway']}/apply"))
    from config.home import Home

    home = Home.from_environment(os.environ)
    if home.exists() and "DATABASE_URL" not in os.environ:
        click.echo(_("Data: %(path)s", path=home.installation().data or home.path))
    click.echo(_("Everything runs. Ctrl-C stops it."))
