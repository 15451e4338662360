"""``peyvand keys``: the network's own signing keys."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import click

from config.environment import open_services
from network.clock import wall_now
from network.language import gettext as _
from network.signing import service
from network.signing.queries import published_keys
from network.signing.service import PURPOSES

ANNOUNCED_MINUTES = 10
MOST_MINUTES = 30 * 24 * 60

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def keys() -> None:
    """The network's own signing keys: list them, replace them."""


@keys.command("list")
@_JSON
def list_keys(as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """List every key that was ever published, with its period."""
    with (
        open_services(os.environ, application_name="peyvand-keys") as services,
        services.database.reading() as session,
    ):
        found = published_keys(session)
    if as_json:
        click.echo(json.dumps({"keys": found}))
        return
    for key in found:
        period = f"{key['signs_from']} – {key.get('signs_until', '')}"
        click.echo(f"{key['kid']}  {key['purpose']:<8} {period}")


@keys.command()
@click.option(
    "--purpose", "purposes", type=click.Choice(PURPOSES), multiple=True, help="Repeatable; all."
)
@click.option(
    "--announce",
    "minutes",
    type=click.IntRange(0, MOST_MINUTES),
    default=ANNOUNCED_MINUTES,
    show_default=True,
    help="Minutes for which a new key is published before it signs; 0: at once.",
)
@_JSON
def rotate(purposes: tuple[str, ...], minutes: int, as_json: bool) -> None:  # noqa: FBT001 - click hands flags in by name
    """Replace signing keys; running processes notice within seconds.

    A new key stands in /.well-known/peyvand-keys.json from now on and signs after --announce. What
    the old one signed can be verified for good. Give --announce 0 where a key may be known to
    others, and tell those who pin keys.
    """
    with (
        open_services(os.environ, application_name="peyvand-keys") as services,
        services.database.unit_of_work() as session,
    ):
        made = service.rotate_keys(
            session,
            services.vault,
            now=wall_now(),
            announced=timedelta(minutes=minutes),
            purposes=purposes or PURPOSES,
        )
    if as_json:
        rows = [
            {
                "purpose": each.purpose,
                "key_id": each.key_id,
                "replaced": list(each.replaced),
                "signs_from": each.signs_from.isoformat(),
            }
            for each in made
        ]
        click.echo(json.dumps(rows))
        return
    for each in made:
        click.echo(f"{each.key_id}  {each.purpose}")
        moment = each.signs_from.isoformat(timespec="seconds")
        click.echo(_("Published now; signs from %(moment)s on.", moment=moment), err=True)
