"""Signing in with e-mail, password and one-time code, and out."""

from __future__ import annotations

import flask
from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import passkeys
from network.language import gettext as _
from network.operators import service
from network.operators.passkeys import sign_in_with_passkey
from network.operators.roles import VIEWER
from network.passkeys import PasskeyError, asking
from settlement.console import access

blueprint = Blueprint("signing", __name__)


@blueprint.get("/sign-in")
@access.public
def sign_in() -> str | Response:
    """Show the form; whoever is signed in already goes on."""
    if "operator" in g:
        return redirect(access.safe_next(request.args.get("next")))
    return _form()


@blueprint.post("/sign-in")
@access.public
def enter() -> Response | tuple[str, int]:
    """Check all three at once, so that no answer tells which of them was wrong."""
    with access.unit_of_work() as session:
        done = service.sign_in(
            session,
            vault=access.services().vault,
            wall=access.wall(),
            email=request.form.get("email", ""),
            password=request.form.get("password", ""),
            code=request.form.get("code", ""),
            user_agent=request.user_agent.string,
            address=request.remote_addr or "",
        )
    if done.token is None:
        words = _("E-mail, password or one-time code is wrong, or the code was used before.")
        return _refused(words, throttled=done.throttled)
    return _welcome(done.token)


@blueprint.post("/sign-in/passkey")
@access.public
def enter_by_passkey() -> Response | tuple[str, int]:
    """Check what the reader's passkey has signed."""
    words = _("This passkey does not open the console, or the page was open for too long.")
    try:
        challenge = passkeys.asked()
    except PasskeyError:
        return _refused(words, throttled=False)
    with access.unit_of_work() as session:
        done = sign_in_with_passkey(
            session,
            vault=access.services().vault,
            wall=access.wall(),
            party=passkeys.party(),
            challenge=challenge,
            answer=request.form.get("answer", ""),
            user_agent=request.user_agent.string,
            address=request.remote_addr or "",
        )
    if done.token is None:
        return _refused(words, throttled=done.throttled)
    return _welcome(done.token)


@blueprint.post("/sign-out")
@access.access(VIEWER)
def leave() -> Response:
    """End this session."""
    with access.unit_of_work() as session:
        service.sign_out(
            session,
            wall=access.wall(),
            operator=access.operator(),
            view=access.current_session(),
        )
    flask.session.clear()
    response = make_response(redirect(url_for("signing.sign_in")))
    access.forget(response)
    return response


def _welcome(token: str) -> Response:
    flask.session.clear()
    response = make_response(redirect(access.safe_next(request.form.get("next"))))
    access.remember(response, token=token)
    return response


def _refused(words: str, *, throttled: bool) -> tuple[str, int]:
    if throttled:
        return _form(_("Too many attempts. Wait a quarter of an hour, then try again.")), 429
    return _form(words), 401


def _form(refusal: str = "") -> str:
    usable = passkeys.here()
    return render_template(
        "sign_in.html",
        refusal=refusal,
        email=request.form.get("email", ""),
        next=access.safe_next(request.values.get("next")),
        options=(asking(party=passkeys.party(), challenge=passkeys.ask()) if usable else None),
        elsewhere=None if usable else passkeys.party().origin,
    )
