"""Who is asking, and what opens: the session cookie, and views that are closed unless marked.

A front says once what its cookie is called, who stands behind a token and what each may open
(``install``), and marks its views; everything else about being signed in is the same in all three.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from network.clock import wall_now
from network.database.installation import ProgrammeClock
from network.services import Services

View = TypeVar("View", bound=Callable[..., Any])
OPEN = "public"
OUTSIDE_VIEWS = frozenset({"assets"})
"""Endpoints that other parts add to the application: files that anybody may read."""

_MARK = "_peyvand_access"
_COOKIE = "PEYVAND_SESSION_COOKIE"
_SIGN_IN = "PEYVAND_SIGN_IN"


def marked(mark: str) -> Callable[[View], View]:
    """Mark a view with what is needed to open it, in the front's own words."""

    def put(view: View) -> View:
        setattr(view, _MARK, mark)
        return view

    return put


def public(view: View) -> View:
    """Mark a view that people who are not signed in may open."""
    return marked(OPEN)(view)


def needed(view: Callable[..., Any]) -> str | None:
    """Return what a view was marked with, ``public``, or nothing."""
    return cast("str | None", getattr(view, _MARK, None))


def install(
    app: Flask,
    *,
    cookie: str,
    sign_in: str,
    recognise: Callable[[str], None],
    admit: Callable[[str | None], BaseResponse | None],
) -> None:
    """Look at the session cookie before each view, and close all views that are not public.

    ``cookie`` is its name and ``sign_in`` the endpoint that sets it. ``recognise`` is given the
    token and puts into ``g`` who is signed in; ``admit`` is given the mark of a view that is not
    public, and returns nothing where it opens, or what to answer instead.
    """
    app.config[_COOKIE], app.config[_SIGN_IN] = cookie, sign_in

    @app.before_request
    def guard() -> BaseResponse | None:
        view = app.view_functions.get(request.endpoint or "")
        if view is None or request.endpoint in OUTSIDE_VIEWS:
            return None
        token = request.cookies.get(cookie_name())
        if token:
            recognise(token)
        mark = needed(view)
        return None if mark == OPEN else admit(mark)


def to_sign_in() -> BaseResponse:
    """Return the way to the sign-in page, and from there to the page that was asked for."""
    target = request.full_path.rstrip("?") if request.method == "GET" else "/"
    endpoint = current_app.config[_SIGN_IN]
    return redirect(url_for(endpoint, next=target if target != "/" else None))


def services() -> Services:
    """Return the services of this process."""
    return cast("Services", current_app.extensions["peyvand"])


def reading() -> AbstractContextManager[Session]:
    """Return a read-only session."""
    return services().database.reading()


def unit_of_work() -> AbstractContextManager[Session]:
    """Return a unit of work, committed when its block ends."""
    return services().database.unit_of_work()


def clock() -> ProgrammeClock:
    """Return the programme clock of this process."""
    return cast("ProgrammeClock", current_app.extensions["programme_clock"])


def now() -> datetime:
    """Return programme time, read once in a request."""
    if "now" not in g:
        g.now = clock().now()
    return cast("datetime", g.now)


def wall() -> datetime:
    """Return wall time, read once in a request."""
    if "wall" not in g:
        g.wall = wall_now()
    return cast("datetime", g.wall)


def cookie_name() -> str:
    """Return the name of the session cookie; over https it is bound to this host."""
    name = str(current_app.config[_COOKIE])
    return f"__Host-{name}" if _secure() else name


def remember(response: Response, *, token: str, expires_at: datetime | None = None) -> None:
    """Put the session token into the browser: until then, or until the browser is closed."""
    response.set_cookie(
        cookie_name(),
        token,
        expires=expires_at,
        secure=_secure(),
        httponly=True,
        samesite="Lax",
    )


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
