"""Furnishes a Flask front with what every page of ours shares."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from config.web import assets, failures, headers, listing, reader, rendering
from network.database.installation import ProgrammeClock
from network.services import Services

LARGEST_FORM_BYTES = 64 * 1024
MOST_FORM_PARTS = 100


def furnish(
    app: Flask,
    *,
    services: Services,
    clock: ProgrammeClock | None = None,
    money_unit: str = "toman",
) -> Flask:
    """Add headers, CSRF, assets, languages, filters and error pages to ``app`` and return it.

    Cookies of a front are for https alone where its own address, which it gives in
    ``app.config["PEYVAND_ADDRESS"]``, is one of https; all of them follow that one address.
    ``clock`` is the process's programme clock: by default the one that the front keeps in
    ``app.extensions["programme_clock"]``, or a new one. Call it after the front has registered
    its own ``before_request`` hooks, so that the language may follow the reader they found.
    """
    secure = str(app.config["PEYVAND_ADDRESS"]).startswith("https:")
    app.secret_key = services.vault.key(f"cookies-{app.name}", 32)
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM_BYTES,
        MAX_FORM_PARTS=MOST_FORM_PARTS,
        SESSION_COOKIE_NAME=f"{app.name.replace('.', '_')}_form",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
    )
    CSRFProtect(app)
    assets.install(app)
    headers.install(app)
    reader.install(app, money_unit=money_unit, secure=secure)
    known = clock or app.extensions.get("programme_clock")
    rendering.install(app, clock=known or ProgrammeClock(services.database))
    failures.install(app)
    listing.install(app)
    return app
