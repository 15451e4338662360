"""Who is asking: the session cookie, and a door that is closed to every view without an area.

Each view names the area it belongs to with ``area(name)``, or is ``public``; a view that names
neither opens for nobody. What a page shows is always that of the signed-in person's merchant.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import Flask, Response, abort, current_app, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from merchant_gateway.gateway import Gateway
from network.clock import wall_now
from network.language import gettext as _
from network.merchants.queries import MerchantView
from network.operators.audit import record_act
from network.portal import queries, signing_in
from network.portal.queries import Browser, SessionView, SignedIn, UserView
from network.portal.roles import ANY, AREAS, BOOKS, OFFICE, TILL
from network.services import Services

__all__ = ["ANY", "BOOKS", "OFFICE", "TILL", "area", "public"]

View = TypeVar("View", bound=Callable[..., Any])
OPEN = "public"
OUTSIDE_VIEWS = frozenset({"assets"})
"""Endpoints that other parts add to the application: files that anybody may read."""

_AFTER_IDLE = 5
_AREA = "_portal_area"
_HOST_COOKIE = "__Host-peyvand_portal"
_PLAIN_COOKIE = "peyvand_portal"


def area(name: str) -> Callable[[View], View]:
    """Mark a view with the area that it belongs to."""
    if name not in AREAS:
        raise ValueError(name)

    def mark(view: View) -> View:
        setattr(view, _AREA, name)
        return view

    return mark


def public(view: View) -> View:
    """Mark a view that people who are not signed in may open."""
    setattr(view, _AREA, OPEN)
    return view


def needed(view: Callable[..., Any]) -> str | None:
    """Return the area that a view was marked with, ``public``, or nothing."""
    return cast("str | None", getattr(view, _AREA, None))


def install(app: Flask) -> None:
    """Find the person behind each request; send others to sign in, and refuse what isn't theirs."""

    @app.before_request
    def guard() -> BaseResponse | None:
        view = app.view_functions.get(request.endpoint or "")
        if view is None or request.endpoint in OUTSIDE_VIEWS:
            return None
        _find_person()
        wanted = needed(view)
        if wanted == OPEN:
            return None
        if "signed_in" not in g and "browser" in g:
            return _locked()
        if "signed_in" not in g:
            target = request.full_path.rstrip("?") if request.method == "GET" else "/"
            return redirect(url_for("signing.sign_in", next=target if target != "/" else None))
        if wanted is None or not user().opens(wanted):
            if wanted is not None and current_session().by_pin and request.method == "GET":
                # By a PIN everybody is a cashier; for more there is the password.
                return redirect(url_for("signing.sign_in", next=request.path))
            abort(403)
        return None

    @app.after_request
    def idle_out(response: Response) -> Response:
        """Have a till's page give way to the PIN after a while, without a script."""
        found = signed_in_or_none()
        if found is not None and found.idles and response.mimetype == "text/html":
            seconds = int(queries.TILL_IDLE.total_seconds()) + _AFTER_IDLE
            response.headers["Refresh"] = f"{seconds}; url={url_for('locking.show')}"
        return response


def _locked() -> BaseResponse:
    """Ask for the PIN; what was sent meanwhile is not done, and the page says so."""
    if request.method != "GET":
        flash(_("The till was locked meanwhile: what you sent was not booked."), "warn")
    return redirect(url_for("locking.show"), 303)


def _find_person() -> None:
    token = request.cookies.get(cookie_name())
    if not token:
        return
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


def services() -> Services:
    """Return the services of this process."""
    return gateway().services


def reading() -> AbstractContextManager[Session]:
    """Return a read-only session."""
    return services().database.reading()


def unit_of_work() -> AbstractContextManager[Session]:
    """Return a unit of work, committed when its block ends."""
    return services().database.unit_of_work()


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


def current_session() -> SessionView:
    """Return the sign-in that this request belongs to."""
    return signed_in().session


def now() -> datetime:
    """Return programme time, read once in a request."""
    if "now" not in g:
        g.now = gateway().clock.now()
    return cast("datetime", g.now)


def wall() -> datetime:
    """Return wall time, read once in a request."""
    if "wall" not in g:
        g.wall = wall_now()
    return cast("datetime", g.wall)


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


def cookie_name() -> str:
    """Return the name of the session cookie; over https it is bound to this host."""
    return _HOST_COOKIE if _secure() else _PLAIN_COOKIE


def remember(response: Response, *, token: str) -> None:
    """Put the session token into the browser, until it is closed."""
    response.set_cookie(cookie_name(), token, secure=_secure(), httponly=True, samesite="Lax")


def forget(response: Response) -> None:
    """Take the session token out of the browser."""
    response.delete_cookie(cookie_name(), secure=_secure(), httponly=True, samesite="Lax")


def safe_next(target: str | None) -> str:
    """Return ``target`` where it is a page of this app, else the first page."""
    # Browsers and libraries drop control characters, and read a backslash as a slash.
    plain = target is not None and target.isprintable() and "\\" not in target
    if target and plain and target.startswith("/") and not target.startswith("//"):
        return target
    return "/"


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])
