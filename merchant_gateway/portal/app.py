"""The merchants' web app: ``create_app(services, redis)``; the entry point furnishes it."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from config.web import sections
from merchant_gateway.gateway import Gateway
from merchant_gateway.limits import Limits
from merchant_gateway.operations import load_operations
from merchant_gateway.portal import access, filters, forms
from merchant_gateway.portal.views import (
    account,
    acts,
    asking,
    breaks,
    disputes,
    joining,
    keys,
    locking,
    people,
    places,
    reconciling,
    signing,
    standing,
    statements,
    till,
    trading,
    transactions,
    webhooks,
)
from network.merchants.errors import UnknownKeyError
from network.portal.errors import UnknownActError, UnknownPortalUserError
from network.services import Services
from network.spend_requests.errors import UnknownSpendRequestError

VIEWS = (
    account,
    acts,
    asking,
    breaks,
    disputes,
    joining,
    keys,
    locking,
    people,
    places,
    reconciling,
    signing,
    standing,
    statements,
    till,
    trading,
    transactions,
    webhooks,
)

SERVER_ERROR = 500
# What lies under each section of the bar, and what under none.
SECTIONS = {
    "till": ("standing", "joining", "asking", "locking"),
    "acts": (),
    "transactions": (),
    "statements": (),
    "trading": (),
    "reconciling": ("breaks", "disputes"),
    "people": (),
    "places": (),
    "keys": (),
    "webhooks": (),
}
OUTSIDE = ("account", "signing")
CAMERA_IN = frozenset({"till", "acts"})
"""Blueprints on whose pages a customer's code may be read by the camera."""


def create_app(services: Services, redis: Any) -> Flask:
    """Build the portal on ``services`` and a Valkey client; connects to nothing yet.

    What is done at a till or in the office runs as the gateway's operations, in this process.
    """
    app = Flask("merchant_gateway.portal", static_folder=None)
    load_operations()
    gateway = Gateway.build(services=services, redis=redis, limits=Limits())
    app.extensions["gateway"] = gateway
    app.extensions["peyvand"] = services
    app.extensions["programme_clock"] = gateway.clock
    app.config["PEYVAND_ADDRESS"] = services.settings.portal_url
    app.config["PEYVAND_CAMERA_IN"] = CAMERA_IN
    access.install(app)
    filters.install(app)
    for view in VIEWS:
        app.register_blueprint(view.blueprint)

    for missing in (
        UnknownActError,
        UnknownKeyError,
        UnknownPortalUserError,
        UnknownSpendRequestError,
    ):
        app.register_error_handler(missing, lambda _error: app.handle_http_exception(NotFound()))

    @app.after_request
    def tell_script(response: Response) -> Response:
        """Answer a script with the address to open, or with the page that says what is wrong.

        Followed by the script, the page behind an address would be read once more than it is seen.
        """
        if request.headers.get("Peyvand-Script") and response.status_code < SERVER_ERROR:
            if response.location:
                response.headers["Peyvand-Location"] = response.headers.pop("Location")
                response.data = b""
            response.status_code = 200
        return response

    @app.context_processor
    def page_facts() -> dict[str, object]:
        found = access.signed_in_or_none()
        return {
            "person": None if found is None else found.user,
            "shop": None if found is None else found.merchant,
            "camera_in": CAMERA_IN,
            "scanned_pattern": forms.SCANNED,
        }

    sections.install(app, SECTIONS, outside=OUTSIDE)
    return app
