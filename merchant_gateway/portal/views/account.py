"""The first page, one's own account: sign-ins and language."""

from __future__ import annotations

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response

from merchant_gateway.portal import access
from merchant_gateway.portal.access import ANY, TILL
from network import ids
from network.language import LOCALES, ascii_digits, format_number
from network.language import gettext as _
from network.portal import pins, queries, service, signing_in
from network.portal.errors import WeakPinError
from network.portal.roles import OFFICE

blueprint = Blueprint("account", __name__)


@blueprint.get("/")
@access.area(ANY)
def home() -> Response:
    """Go to the page that this person works on."""
    return redirect(url_for("till.show" if access.opens(TILL) else "statements.index"))


@blueprint.get("/account")
@access.area(ANY)
def show() -> str:
    """Show who is signed in, where, and in which language."""
    return _page()


@blueprint.post("/account/pin")
@access.area(TILL)
def choose_pin() -> Response | tuple[str, int]:
    """Choose a PIN for the till, or go without one again, with the password."""
    person, password = access.user(), request.form.get("password", "")
    pin, removing = ascii_digits(request.form.get("pin", "")), "remove" in request.form
    if not removing and pin != ascii_digits(request.form.get("repeated", "")):
        return _page(errors={"repeated": _("The two PINs differ.")}), 422
    vault, wall = access.services().vault, access.wall()
    try:
        with access.unit_of_work() as session:
            if removing:
                done = pins.drop(session, vault, user=person, password=password, wall=wall)
            else:
                done = pins.choose(
                    session, vault, user=person, password=password, pin=pin, wall=wall
                )
    except WeakPinError:
        return _page(errors={"pin": _weak()}), 422
    if done == "throttled":
        wait = _("Too many attempts. Wait a quarter of an hour, then try again.")
        return _page(errors={"password": wait}), 429
    if done != "done":
        return _page(errors={"password": _("This is not your password.")}), 422
    said = _("You have no PIN any more.") if removing else _("Your PIN is set.")
    flash(said, "good")
    return redirect(url_for("account.show"), 303)


def _weak() -> str:
    return _(
        "A PIN has %(least)s to %(most)s digits, and not one digit or a run such as 1234.",
        least=format_number(pins.SHORTEST),
        most=format_number(pins.LONGEST),
    )


def _page(*, errors: dict[str, str] | None = None) -> str:
    with access.reading() as session:
        found = queries.sessions(
            session,
            merchant_id=access.merchant().merchant_id,
            user_id=access.user().user_id,
            wall=access.wall(),
        )
    return render_template(
        "account.html",
        sessions=found,
        current=access.current_session(),
        errors=errors or {},
        longest=pins.LONGEST,
    )


@blueprint.post("/account/sessions/<session_id>/end")
@access.area(ANY)
def end_session(session_id: str) -> Response:
    """End another sign-in: one's own, or for an administrator anybody's of the merchant."""
    merchant, person = access.merchant(), access.user()
    with access.unit_of_work() as session:
        living = queries.sessions(
            session,
            merchant_id=merchant.merchant_id,
            user_id=None if person.opens(OFFICE) else person.user_id,
            wall=access.wall(),
        )
        wanted = ids.decode(queries.SESSION_PREFIX, session_id)
        if all(each.session_id != wanted for each in living):
            abort(404)
        signing_in.end_session(
            session,
            code=merchant.code,
            actor=person.public_id,
            merchant_id=merchant.merchant_id,
            session_id=wanted,
            wall=access.wall(),
        )
    flash(_("That sign-in has ended."), "good")
    back = "people.index" if "people" in request.form else "account.show"
    return redirect(url_for(back))


@blueprint.post("/account/language")
@access.area(ANY)
def language() -> Response:
    """Keep the language of this person, on every machine."""
    chosen = request.form.get("locale", "")
    if chosen not in LOCALES:
        abort(400)
    with access.unit_of_work() as session:
        service.set_locale(session, user=access.user(), locale=chosen)
    response = make_response(redirect(url_for("account.show")))
    response.delete_cookie(current_app.config["PEYVAND_LANGUAGE_COOKIE"])
    return response
