"""Who is asking: the session cookie, and a door that is closed to every view without an area.

Each view names the area it belongs to with ``area(name)``, or is ``public``; a view that names
neither opens for nobody. What a page shows is always that of the signed-in person's merchant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Response, abort, current_app, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config.web import access as shared
from config.web.access import (
    View,
    forget,
    now,
    public,
    reading,
    remember,
    safe_next,
    services,
    unit_of_work,
    wall,
)
from merchant_gateway.gateway import Gateway
from network.language import gettext as _
from network.merchants.queries import MerchantView
from network.operators.audit import record_act
from network.portal import queries, signing_in
from network.portal.queries import Browser, SessionView, SignedIn, UserView
from network.portal.roles import ANY, AREAS, BOOKS, OFFICE, TILL

# What all fronts have stands here too, so that a view imports one module.
__all__ = [
    "ANY",
    "BOOKS",
    "OFFICE",
    "TILL",
    "area",
    "browser",
    "current_session",
    "forget",
    "gateway",
    "install",
    "merchant",
    "now",
    "public",
    "reading",
    "record",
    "remember",
    "safe_next",
    "services",
    "signed_in",
    "signed_in_or_none",
    "unit_of_work",
    "user",
    "wall",
]

_AFTER_IDLE = 5


def area(name: str) -> Callable[[View], View]:
    """Mark a view with the area that it belongs to."""
    if name not in AREAS:
        raise ValueError(name)
    return shared.marked(name)


def install(app: Flask) -> None:
    """Find the person behind each request; send others to sign in, and refuse what isn't theirs."""
    shared.install(
        app,
        cookie="peyvand_portal",
        sign_in="signing.sign_in",
        recognise=_find_person,
        admit=_admit,
    )

    @app.after_request
    def idle_out(response: Response) -> Response:
        """Have a till's page give way to the PIN after a while, without a script."""
        found = signed_in_or_none()
        if found is not None and found.idles and response.mimetype == "text/html":
            seconds = int(queries.TILL_IDLE.total_seconds()) + _AFTER_IDLE
            response.headers["Refresh"] = f"{seconds}; url={url_for('locking.show')}"
        return response


def _admit(wanted: str | None) -> BaseResponse | None:
    if "signed_in" not in g:
        return _locked() if "browser" in g else shared.to_sign_in()
    if wanted is None or not opens(wanted):
        if wanted is not None and current_session().by_pin and request.method == "GET":
            # By a PIN everybody is a cashier; for more there is the password.
            return redirect(url_for("signing.sign_in", next=request.path))
        abort(403)
    return None


def _locked() -> BaseResponse:
    """Ask for the PIN; what was sent meanwhile is not done, and the page says so."""
    if request.method != "GET":
        flash(_("The till was locked meanwhile: what you sent was not booked."), "warn")
    return redirect(url_for("locking.show"), 303)


def _find_person(token: str) -> None:
    with reading() as session:
        browser = queries.browser(session, token=token, wall=wall())
    if browser is None:
        return
    g.browser, found = browser, browser.acting
    if found is None:
        return
    g.signed_in = found
    g.reader_locale = found.user.locale
    # To look whether it is time for the PIN is no use of the till.
    if request.endpoint != "locking.show" and signing_in.is_due(found.session, wall=wall()):
        with unit_of_work() as session:
            signing_in.touch(session, wall=wall(), view=found.session)


def gateway() -> Gateway:
    """Return what a call of the gateway uses, in this process."""
    return cast("Gateway", current_app.extensions["gateway"])


def signed_in() -> SignedIn:
    """Return who is signed in, with the sign-in and the merchant."""
    return cast("SignedIn", g.signed_in)


def signed_in_or_none() -> SignedIn | None:
    """Return who is signed in, if somebody is."""
    return cast("SignedIn | None", g.get("signed_in"))


def browser() -> Browser | None:
    """Return the browser that somebody opened with a password, also while it asks for a PIN."""
    return cast("Browser | None", g.get("browser"))


def user() -> UserView:
    """Return the person who is signed in."""
    return signed_in().user


def merchant() -> MerchantView:
    """Return the merchant whose person is signed in."""
    return signed_in().merchant


def opens(area: str) -> bool:
    """Return whether the person may open pages of an area; a sponsor has no till."""
    return user().opens(area) and (area != TILL or merchant().sells)


def current_session() -> SessionView:
    """Return the sign-in that this request belongs to."""
    return signed_in().session


def record(session: Session, action: str, **facts: Any) -> None:
    """Write an act of the signed-in person into the audit log of the merchant."""
    record_act(
        session,
        now=wall(),
        actor=user().public_id,
        action=action,
        subject=f"merchant:{merchant().code}",
        facts=facts,
    )
