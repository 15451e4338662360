"""Who is asking: the member. Every view that is not ``public`` is a member's."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from secrets import token_urlsafe
from typing import cast

from flask import Flask, current_app, g, request
from sqlalchemy import Connection
from werkzeug.wrappers import Response as BaseResponse

from config.web import access as shared
from config.web.access import (
    clock,
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
from network.members import queries as members
from network.members.queries import MemberView, SessionView
from network.members.sign_in import SEEN_EVERY, touch_session

# What all fronts have stands here too, so that a view imports one module.
__all__ = [
    "clock",
    "current_session",
    "device_token",
    "forget",
    "install",
    "ledger",
    "member",
    "member_or_none",
    "now",
    "public",
    "reading",
    "remember",
    "remember_device",
    "safe_next",
    "services",
    "unit_of_work",
    "wall",
]


_DEVICE_LIFE = timedelta(days=365)
_TOKEN_BYTES, _TOKEN_LENGTH = 32, 43


def install(app: Flask) -> None:
    """Find the member of each request; send others to the sign-in page."""
    shared.install(
        app,
        cookie="peyvand_wallet",
        sign_in="sign_in.ask_phone",
        recognise=_find_member,
        admit=_admit,
    )


def _find_member(token: str) -> None:
    with reading() as session:
        found = members.by_session(session, token=token, now=wall())
        if found is None:
            return
        g.session_view = found
        g.member = members.member(session, services().vault, member_id=found.member_id)
    g.reader_locale = g.member.locale
    g.reader_money_unit = g.member.money_unit
    if found.seen_at <= wall() - SEEN_EVERY:
        with unit_of_work() as unit:
            touch_session(unit, session_id=found.session_id, wall=wall())


def _admit(_mark: str | None) -> BaseResponse | None:
    return None if "member" in g else shared.to_sign_in()


def ledger() -> AbstractContextManager[Connection]:
    """Return an autocommit connection for one ledger call."""
    return services().database.ledger()


def device_token() -> str:
    """Return what this browser is known by from one sign-in to the next, or is from now on."""
    if "device_token" not in g:
        kept = request.cookies.get(_device_cookie(), "")
        g.device_token = kept if len(kept) == _TOKEN_LENGTH else token_urlsafe(_TOKEN_BYTES)
    return cast("str", g.device_token)


def remember_device(response: BaseResponse) -> None:
    """Have the browser keep what it is known by; it signs nobody in."""
    response.set_cookie(
        _device_cookie(),
        device_token(),
        max_age=_DEVICE_LIFE,
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Lax",
    )


def _device_cookie() -> str:
    name = "peyvand_device"
    return f"__Host-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def member() -> MemberView:
    """Return the member who is signed in."""
    return cast("MemberView", g.member)


def member_or_none() -> MemberView | None:
    """Return the member who is signed in, if somebody is."""
    return cast("MemberView | None", g.get("member"))


def current_session() -> SessionView:
    """Return the sign-in that this request belongs to."""
    return cast("SessionView", g.session_view)
