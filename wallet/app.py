"""The members' web app: ``create_app(services)``; the entry point furnishes and serves it."""

from __future__ import annotations

from flask import Flask, url_for

from config.web import passkeys as browser_passkeys
from config.web import sections
from network.database.installation import ProgrammeClock
from network.services import Services
from wallet import access, limits
from wallet.views import (
    claims,
    code,
    contact,
    exports,
    give,
    home,
    leaving,
    movements,
    notices,
    offline,
    outbox,
    partners,
    passkeys,
    pin,
    pool,
    pool_acts,
    profile,
    proof,
    requests,
    security,
    sign_in,
    step_up,
)

VIEWS = (
    sign_in,
    home,
    code,
    give,
    requests,
    movements,
    notices,
    claims,
    partners,
    pool,
    pool_acts,
    profile,
    security,
    pin,
    passkeys,
    step_up,
    contact,
    exports,
    leaving,
    proof,
    outbox,
    offline,
)

# What lies under each section of the bar, and what under none.
SECTIONS = {
    "home": ("notices", "give", "pool", "pool_acts", "requests"),
    "movements": ("claims",),
    "code": ("offline",),
    "partners": (),
    "profile": ("security", "pin", "passkeys", "contact", "exports", "leaving", "proof"),
}
OUTSIDE = ("sign_in", "step_up", "outbox")


def create_app(
    services: Services,
    *,
    clock: ProgrammeClock | None = None,
    local_messages: bool = False,
) -> Flask:
    """Build the wallet on ``services``.

    ``clock`` is the process's programme clock. ``local_messages`` says that messages stay on this
    machine (embedded services, no SMS provider): the outbox page then shows them to this machine.
    """
    app = Flask("wallet", static_folder=None)
    app.extensions["peyvand"] = services
    app.extensions["programme_clock"] = clock or ProgrammeClock(services.database)
    app.config["PEYVAND_ADDRESS"] = services.settings.wallet_url
    app.config["LOCAL_MESSAGES"] = local_messages
    browser_passkeys.install(app, address=services.settings.wallet_url)
    limits.install(app, redis_url=services.settings.redis_url)
    access.install(app)
    for view in VIEWS:
        app.register_blueprint(view.blueprint)

    @app.get("/ping")
    @access.public
    def ping() -> dict[str, str]:
        return {"status": "ok"}

    @app.context_processor
    def page_facts() -> dict[str, object]:
        return {
            "member": access.member_or_none(),
            "sign_in_url": url_for("sign_in.ask_phone"),
        }

    sections.install(app, SECTIONS, outside=OUTSIDE)
    return app
