"""The operators' web app: ``create_app(services)``; the entry point furnishes and serves it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.exceptions import NotFound

from config.web import passkeys, sections
from network.database.installation import ProgrammeClock
from network.merchants.errors import UnknownApplicationError
from network.merchants.queries import UnknownMerchantError
from network.services import Services
from settlement.console import access, filters
from settlement.console.views import (
    adjusting,
    agreements,
    applications,
    audit,
    breaks,
    campaigns,
    cancelling,
    claims,
    cover,
    direct,
    disputes,
    entries,
    exposure,
    findings,
    freezing,
    glossary,
    jobs,
    lots,
    managing,
    members,
    merchants,
    merging,
    network_keys,
    obligations,
    operators,
    payments,
    portal,
    profile,
    programme,
    proposals,
    questions,
    reconciliation,
    recovering,
    references,
    reports,
    sandboxes,
    search,
    signing,
    sponsors,
    statements,
    tiers,
    today,
    trading,
    webhooks,
    windows,
)

VIEWS = (
    signing,
    sponsors,
    today,
    windows,
    payments,
    findings,
    direct,
    proposals,
    entries,
    merchants,
    statements,
    webhooks,
    agreements,
    programme,
    cancelling,
    applications,
    managing,
    cover,
    exposure,
    sandboxes,
    obligations,
    lots,
    network_keys,
    audit,
    profile,
    operators,
    recovering,
    members,
    adjusting,
    freezing,
    merging,
    claims,
    questions,
    references,
    search,
    glossary,
    campaigns,
    tiers,
    portal,
    reports,
    trading,
    reconciliation,
    breaks,
    disputes,
    jobs,
)

# What lies under each section of the bar, and what under none: an entry is read from everywhere.
SECTIONS = {
    "today": ("jobs", "questions", "proposals"),
    "windows": ("obligations", "payments", "findings", "direct"),
    "reconciliation": ("breaks", "disputes", "references"),
    "merchants": (
        "agreements",
        "applications",
        "managing",
        "portal",
        "webhooks",
        "exposure",
        "cover",
        "sandboxes",
        "statements",
    ),
    "reports": ("trading",),
    "programme": ("campaigns", "tiers", "sponsors"),
    "audit": ("operators", "network_keys"),
}
OUTSIDE = (
    "adjusting",
    "cancelling",
    "claims",
    "entries",
    "freezing",
    "glossary",
    "lots",
    "members",
    "merging",
    "profile",
    "recovering",
    "search",
    "signing",
)


def create_app(
    services: Services, *, redis: Any | None = None, clock: ProgrammeClock | None = None
) -> Flask:
    """Build the console on ``services``.

    ``redis`` is a client of the queue's Valkey; without one the first page leaves the queues out.
    ``clock`` is the process's programme clock.
    """
    app = Flask("settlement.console", static_folder=None)
    app.extensions["peyvand"] = services
    app.extensions["programme_clock"] = clock or ProgrammeClock(services.database)
    app.extensions["queue_connection"] = redis
    app.config["PEYVAND_ADDRESS"] = services.settings.console_url
    passkeys.install(app, address=services.settings.console_url)
    access.install(app)
    filters.install(app)
    for view in VIEWS:
        app.register_blueprint(view.blueprint)

    @app.errorhandler(UnknownApplicationError)
    @app.errorhandler(UnknownMerchantError)
    def unknown_merchant(_error: Exception) -> Any:
        return app.handle_http_exception(NotFound())

    @app.context_processor
    def page_facts() -> dict[str, object]:
        return {
            "operator": access.operator_or_none(),
        }

    sections.install(app, SECTIONS, outside=OUTSIDE)
    return app
