"""Who is asking: the session cookie, and a door that is closed to every view without a role.

Each view names the least role that may open it with ``access(role)``, or is ``public``; a view that
names neither opens for nobody. ``?format=csv`` takes data out of the house and needs an analyst.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from network.clock import wall_now
from network.database.installation import ProgrammeClock
from network.ids import EntryIds
from network.operators import queries as operators
from network.operators import service
from network.operators.queries import OperatorView, SessionView
from network.operators.roles import ANALYST, ROLES
from network.services import Services

View = TypeVar("View", bound=Callable[..., Any])
OPEN = "public"
OUTSIDE_VIEWS = frozenset({"assets"})
"""Endpoints that other parts add to the application: files that anybody may read."""

_ROLE = "_console_role"
_HOST_COOKIE = "__Host-peyvand_console"
_PLAIN_COOKIE = "peyvand_console"


def access(role: str) -> Callable[[View], View]:
    """Mark a view with the least role that may open it."""
    if role not in ROLES:
        raise ValueError(role)

    def mark(view: View) -> View:
        setattr(view, _ROLE, role)
        return view

    return mark


def public(view: View) -> View:
    """Mark a view that people who are not signed in may open."""
    setattr(view, _ROLE, OPEN)
    return view


def needed(view: Callable[..., Any]) -> str | None:
    """Return the role that a view was marked with, ``public``, or nothing."""
    return cast("str | None", getattr(view, _ROLE, None))


def install(app: Flask) -> None:
    """Find the operator of each request; send others to sign in, and refuse what a role may not."""

    @app.before_request
    def guard() -> BaseResponse | None:
        view = app.view_functions.get(request.endpoint or "")
        if view is None or request.endpoint in OUTSIDE_VIEWS:
            return None
        _find_operator()
        role = needed(view)
        if role == OPEN:
            return None
        if "operator" not in g:
            target = request.full_path.rstrip("?") if request.method == "GET" else "/"
            return redirect(url_for("signing.sign_in", next=target if target != "/" else None))
        if role is None or not operator().may(role):
            abort(403)
        if request.args.get("format") and not operator().may(ANALYST):
            abort(403)
        return None


def _find_operator() -> None:
    token = request.cookies.get(cookie_name())
    if not token:
        return
    with reading() as session:
        found = operators.by_session(session, token=token, wall=wall())
    if found is None:
        return
    g.operator, g.session_view = found.operator, found.session
    g.reader_locale = found.operator.locale
    if service.is_due(found.session, wall=wall()):
        with unit_of_work() as session:
            service.touch(session, wall=wall(), view=found.session)


def services() -> Services:
    """Return the services of this process."""
    return cast("Services", current_app.extensions["peyvand"])


def entry_ids() -> EntryIds:
    """Return the sealer of public entry ids."""
    return services().entry_ids


def reading() -> AbstractContextManager[Session]:
    """Return a read-only session."""
    return services().database.reading()


def unit_of_work() -> AbstractContextManager[Session]:
    """Return a unit of work, committed when its block ends."""
    return services().database.unit_of_work()


def operator() -> OperatorView:
    """Return the operator who is signed in."""
    return cast("OperatorView", g.operator)


def operator_or_none() -> OperatorView | None:
    """Return the operator who is signed in, if somebody is."""
    return cast("OperatorView | None", g.get("operator"))


def current_session() -> SessionView:
    """Return the sign-in that this request belongs to."""
    return cast("SessionView", g.session_view)


def now() -> datetime:
    """Return programme time, read once in a request."""
    if "now" not in g:
        g.now = cast("ProgrammeClock", current_app.extensions["programme_clock"]).now()
    return cast("datetime", g.now)


def wall() -> datetime:
    """Return wall time, read once in a request."""
    if "wall" not in g:
        g.wall = wall_now()
    return cast("datetime", g.wall)


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
