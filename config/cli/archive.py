"""``peyvand archive``: take an old month out of the hot tables."""

from __future__ import annotations

import os
from datetime import datetime

import click

from network.errors import ConfigurationError
from network.language import gettext as _

MONTH = click.DateTime(["%Y-%m"])


@click.command()
@click.option("--month", type=MONTH, required=True, help="The month, as YYYY-MM.")
def archive(month: datetime) -> None:
    """Move a settled month to the archive, which the audit still reads."""
    from config.environment import open_services
    from network.ledger.archive import ArchiveRefusedError, archive_month

    with open_services(os.environ, application_name="peyvand-archive", owner=True) as services:
        settings = services.settings
        if settings.owner_url is None:
            raise ConfigurationError(
                _("Set DATABASE_OWNER_URL: archiving needs the login that owns the database."),
                field="DATABASE_OWNER_URL",
            )
        try:
            moved = archive_month(
                settings.owner_url, month=month.date(), refund_days=settings.refund_days
            )
        except ArchiveRefusedError as error:
            raise click.ClickException(_refusal(error.reason, settings.refund_days)) from error
    for name in moved:
        click.echo(_("Archived: %(name)s", name=name))
    if not moved:
        click.echo(_("The month is in the archive already."))


def _refusal(reason: str, refund_days: int) -> str:
    """Return why the month stays, and what would let it go."""
    return {
        "no_such_month": _("The ledger has no such month."),
        "not_over": _("The month stays: it has not ended."),
        "not_sealed": _("The month stays: some of its days are not sealed yet."),
        "not_settled": _("The month stays: some of its days are not settled yet."),
        "no_month_end": _("The month stays: its closing balances have not been sealed yet."),
        "refundable": _(
            "The month stays: purchases can be refunded for %(days)s days.", days=refund_days
        ),
        "shared_wallets": _(
            "The month stays: somebody joined a shared wallet in it and has not left it."
        ),
    }[reason]
