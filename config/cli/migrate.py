"""``peyvand migrate``: what a deployment runs once before the new version starts."""

from __future__ import annotations

import os
from contextlib import ExitStack

import click

from network.errors import ConfigurationError
from network.language import gettext as _


@click.command()
def migrate() -> None:
    """Bring the database to this version, and make the coming weeks' partitions."""
    from config.environment import embedded, load_settings, revision_of, running_servers
    from config.preparation import prepare_database, prepare_installation
    from network.clock import local_date, wall_now
    from network.services import Services
    from network.settings import PROGRAMME_ZONE

    with ExitStack() as stack:
        if embedded(os.environ):
            stack.enter_context(running_servers(os.environ))
        settings = load_settings(os.environ, owner=True)
        if settings.owner_url is None:
            raise ConfigurationError(
                _("Set DATABASE_OWNER_URL: migrations need the login that owns the database."),
                field="DATABASE_OWNER_URL",
            )
        services = Services.from_settings(settings, application_name="peyvand-migrate")
        stack.callback(services.database.dispose)
        revision_of(services.database)
        wall = wall_now()
        applied = prepare_database(settings.owner_url, today=local_date(wall, zone=PROGRAMME_ZONE))
        prepare_installation(services, wall=wall)
    for name in applied:
        click.echo(_("Applied: %(name)s", name=name))
    click.echo(_("The database is at this version."))
