"""From a sandbox to the services on its data: its own database, its own vault."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.engine import make_url

from network.database.connection import Database
from network.database.installation import ProgrammeClock
from network.ids import EntryIds
from network.sandboxes.queries import SandboxView
from network.services import Services
from network.settings import Settings
from network.vault import Vault

KEPT_OPEN = 1
MOST_CONNECTIONS = 8
"""Of one process to one sandbox: two for each of a front's threads; all but one are closed."""


def sandbox_services(
    services: Services,
    view: SandboxView,
    *,
    application_name: str,
    most_connections: int = MOST_CONNECTIONS,
) -> Services:
    """Return services on a sandbox's data; the caller disposes of their database.

    Its vault is derived from the installation's for this sandbox alone, so no id, code, token or
    sealed value of one opens in another or among live data. Nothing leaves it by SMS.
    """
    live = services.settings
    vault = Vault(services.vault.key(f"sandbox:{view.sandbox_id}"))
    url = database_url(live.sandbox_url or live.database_url, name=view.database_name)
    loopback = live.webhook_loopback and (
        live.embedded or ProgrammeClock(services.database).simulated
    )
    settings = replace(
        live,
        database_url=url,
        owner_url=None,
        sandbox_owner_url=None,
        sms_url=None,
        sms_token=None,
        webhook_loopback=loopback,
    )
    database = Database(
        url,
        pool_size=KEPT_OPEN,
        overflow=most_connections - KEPT_OPEN,
        application_name=application_name,
    )
    return Services(settings=settings, database=database, vault=vault, entry_ids=EntryIds(vault))


def owner_url(settings: Settings) -> str | None:
    """Return the way to the sandboxes' server as an owner who may make databases there."""
    if settings.sandbox_url is not None:
        return settings.sandbox_owner_url
    return settings.owner_url


def database_url(url: str, *, name: str) -> str:
    """Return ``url`` with another database in it."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)
