"""Who is asking: the session cookie, and a door that is closed unless a view is ``public``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, redirect, request, url_for
from sqlalchemy import Connection
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from network.clock import wall_now
from network.database.installation import ProgrammeClock
from network.members import queries as members
from network.members.queries import MemberView, SessionView
from network.members.sign_in import SEEN_EVERY, touch_session
from network.services import Services

View = TypeVar("View", bound=Callable[..., Any])
_PUBLIC = "_wallet_public"
_HOST_COOKIE = "__Host-peyvand_wallet"
_PLAIN_COOKIE = "peyvand_wallet"


def public(view: View) -> View:
    """Mark a view that people who are not signed in may open."""
    setattr(view, _PUBLIC, True)
    return view


def is_public(view: Callable[..., Any]) -> bool:
    """Return whether ``view`` was marked public."""
    return bool(getattr(view, _PUBLIC, False))


def install(app: Flask) -> None:
    """Find the member of each request; send others to the sign-in page."""

    @app.before_request
    def find_member() -> BaseResponse | None:
        view = app.view_functions.get(request.endpoint or "")
        if request.endpoint == "assets" or view is None:
            return None
        token = request.cookies.get(cookie_name())
        if token:
            with reading() as session:
                found = members.by_session(session, token=token, now=wall())
                if found is not None:
                    g.session_view = found
                    g.member = members.member(session, services().vault, member_id=found.member_id)
                    g.reader_locale = g.member.locale
                    g.reader_money_unit = g.member.money_unit
            _note_use()
        if "member" in g or is_public(view):
            return None
        target = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return redirect(url_for("sign_in.ask_phone", next=target if target != "/" else None))


def _note_use() -> None:
    """Write down that a sign-in is in use, rarely enough to cost nothing."""
    seen = cast("SessionView | None", g.get("session_view"))
    if seen is not None and seen.seen_at <= wall() - SEEN_EVERY:
        with unit_of_work() as unit:
            touch_session(unit, session_id=seen.session_id, wall=wall())


def services() -> Services:
    """Return the services of this process."""
    return cast("Services", current_app.extensions["peyvand"])


def clock() -> ProgrammeClock:
    """Return the programme clock of this process."""
    return cast("ProgrammeClock", current_app.extensions["programme_clock"])


def reading() -> AbstractContextManager[Session]:
    """Return a read-only session."""
    return services().database.reading()


def unit_of_work() -> AbstractContextManager[Session]:
    """Return a unit of work, committed when its block ends."""
    return services().database.unit_of_work()


def ledger() -> AbstractContextManager[Connection]:
    """Return an autocommit connection for one ledger call."""
    return services().database.ledger()


def member() -> MemberView:
    """Return the member who is signed in."""
    return cast("MemberView", g.member)


def member_or_none() -> MemberView | None:
    """Return the member who is signed in, if somebody is."""
    return cast("MemberView | None", g.get("member"))


def current_session() -> SessionView:
    """Return the sign-in that this request belongs to."""
    return cast("SessionView", g.session_view)


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
    return _HOST_COOKIE if _secure() else _PLAIN_COOKIE


def remember(response: Response, *, token: str, expires_at: datetime) -> None:
    """Put the session token into the browser."""
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
    response.delete_cookie(
        cookie_name(),
        secure=_secure(),
        httponly=True,
        samesite="Lax",
    )


def safe_next(target: str | None) -> str:
    """Return ``target`` where it is a page of this app, else the home page."""
    ours = target is not None and target.startswith("/") and not target.startswith("//")
    # Browsers drop control characters and read a backslash as a slash.
    plain = target is not None and target.isprintable() and "\\" not in target
    return target if target is not None and ours and plain else "/"


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])
