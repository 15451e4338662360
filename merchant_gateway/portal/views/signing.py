"""Signing in and out, and the code that lets somebody in for the first time."""

from __future__ import annotations

import flask
import segno
from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from merchant_gateway.portal import access
from network.language import ascii_digits, current_locale, format_datetime, format_number
from network.language import gettext as _
from network.merchants import queries as merchants
from network.operators.passwords import SHORTEST, WeakPasswordError
from network.portal import announcing, pins, queries, roles, service, signing_in
from network.portal.errors import LinkEndedError, WrongCodeError
from network.portal.service import Welcome

blueprint = Blueprint("signing", __name__)
_QR_SCALE = 5


@blueprint.get("/sign-in")
@access.public
def sign_in() -> str | Response:
    """Show the form; whoever is signed in already goes on, unless they come by a PIN alone."""
    if "signed_in" in g and not access.current_session().by_pin and "password" not in request.args:
        return redirect(access.safe_next(request.args.get("next")))
    return _form()


@blueprint.post("/sign-in")
@access.public
def enter() -> Response | tuple[str, int]:
    """Check everything at once, so that no answer tells what of it was wrong."""
    with access.unit_of_work() as session:
        done = signing_in.sign_in(
            session,
            vault=access.services().vault,
            wall=access.wall(),
            login=request.form.get("login", ""),
            password=request.form.get("password", ""),
            code=request.form.get("code", ""),
            user_agent=request.user_agent.string,
            address=request.remote_addr or "",
        )
        if done.token is not None and (before := access.browser()) is not None:
            signing_in.follow(session, token=done.token, before=before, wall=access.wall())
    if done.token is None:
        return _refused(throttled=done.throttled)
    flask.session.clear()
    _say_what_happened(done.token)
    response = make_response(redirect(access.safe_next(request.form.get("next"))))
    access.remember(response, token=done.token)
    return response


def _say_what_happened(token: str) -> None:
    """Tell who signs in of codes of others that chose a password for them, and of a missing PIN."""
    with access.reading() as session:
        found = queries.by_session(session, token=token, wall=access.wall())
        if found is None:
            return
        user, merchant_id = found.user, found.merchant.merchant_id
        for each in announcing.taken_for(session, user_id=user.user_id, now=access.wall()):
            by = announcing.maker(session, merchant_id=merchant_id, made_by=each.made_by)
            flash(
                _(
                    "On %(day)s a password was chosen for you with a code that %(name)s had made. "
                    "If that was not you, tell your administrators and the network.",
                    day=format_datetime(each.used_at or each.created_at),
                    name=by,
                ),
                "warn",
            )
        others = pins.people(session, merchant_id=merchant_id)
    if others and user.pin_state == "none" and user.role == roles.CASHIER:
        flash(_("Your colleagues open the till by PIN. Choose yours under My account."), "info")


@blueprint.post("/sign-out")
@access.public
def leave() -> Response:
    """End what the password opened in this browser, with everybody whom a PIN let in there."""
    browser = access.browser()
    if browser is not None:
        actor = browser.owner if browser.acting is None else browser.acting.user
        with access.unit_of_work() as session:
            signing_in.end_session(
                session,
                code=browser.merchant.code,
                actor=actor.public_id,
                merchant_id=browser.merchant.merchant_id,
                session_id=browser.base.session_id,
                wall=access.wall(),
            )
    flask.session.clear()
    response = make_response(redirect(url_for("signing.sign_in")))
    access.forget(response)
    return response


@blueprint.get("/welcome")
@access.public
def welcome() -> str:
    """Ask for the code; it is never part of an address, which logs and other sites would see."""
    return render_template("welcome_code.html", refused=False)


@blueprint.post("/welcome")
@access.public
def open_code() -> str | tuple[str, int]:
    """Show what a code opens: a password to choose, and a second factor where one is needed."""
    try:
        return _welcome_page(errors={})
    except LinkEndedError:
        return _opens_nothing()


@blueprint.post("/welcome/complete")
@access.public
def accept() -> str | Response | tuple[str, int]:
    """Set the password; the code ends."""
    password = request.form.get("password", "")
    errors: dict[str, str] = {}
    if password != request.form.get("repeated", ""):
        errors["repeated"] = _("The two passwords differ.")
    else:
        try:
            with access.unit_of_work() as session:
                service.accept(
                    session,
                    access.services().vault,
                    token=request.form.get("invitation", ""),
                    password=password,
                    code="".join(ascii_digits(request.form.get("code", "")).split()),
                    now=access.wall(),
                )
        except WeakPasswordError:
            errors["password"] = _(
                "Choose at least %(most)s characters; a few words are easiest.",
                most=format_number(SHORTEST),
            )
        except WrongCodeError:
            errors["code"] = _("This is not the code that the app shows now.")
        except LinkEndedError:
            return _opens_nothing()
    if errors:
        return _retry(errors)
    if "code" in request.form:
        flash(_("Your password is set. Sign in with it and the next code of your app."), "good")
    else:
        flash(_("Your password is set. Sign in with it."), "good")
    return redirect(url_for("signing.sign_in"))


def _retry(errors: dict[str, str]) -> tuple[str, int]:
    try:
        return _welcome_page(errors=errors), 422
    except LinkEndedError:
        return _opens_nothing()


def _opens_nothing() -> tuple[str, int]:
    return render_template("welcome_code.html", refused=True), 422


def _welcome_page(*, errors: dict[str, str]) -> str:
    token = request.form.get("invitation", "")
    with access.reading() as session:
        found = service.welcome(session, access.services().vault, token=token, now=access.wall())
        merchant = merchants.merchant(session, merchant_id=found.merchant_id)
    return render_template(
        "welcome.html",
        found=found,
        invitation=token,
        of=merchant,
        picture=_picture(found),
        secret=_in_fours(found.totp_secret or ""),
        errors=errors,
        shortest=SHORTEST,
    )


def _in_fours(secret: str) -> str:
    """Return a secret as it is typed: groups of four, which apps take with their spaces."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def _picture(found: Welcome) -> str | None:
    """Return the secret for the authenticator app as an inline picture, where there is one."""
    if found.totp_uri is None:
        return None
    made = segno.make(found.totp_uri, micro=False)
    return str(made.svg_inline(scale=_QR_SCALE, border=2, light="white", omitsize=True))


def _refused(*, throttled: bool) -> tuple[str, int]:
    if throttled:
        return _form(_("Too many attempts. Wait a quarter of an hour, then try again.")), 429
    return _form(_("Name, password or one-time code is wrong, or the code was used before.")), 401


def _form(refusal: str = "") -> str:
    return render_template(
        "sign_in.html",
        refusal=refusal,
        login=request.form.get("login", ""),
        apply_url=f"{access.services().settings.gateway_url}/apply?lang={current_locale()}",
        next=access.safe_next(request.values.get("next")),
    )
