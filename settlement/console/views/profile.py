"""One's own account: sign-ins and language."""

from __future__ import annotations

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response

from config.web import passkeys
from network import ids
from network.language import LOCALES
from network.language import gettext as _
from network.members.errors import InvalidPhoneError
from network.operators import passkeys as keys
from network.operators import queries, service
from network.operators.errors import InvalidOperatorError
from network.operators.roles import VIEWER
from network.passkeys import PasskeyError
from settlement.console import access

blueprint = Blueprint("profile", __name__, url_prefix="/profile")
LANGUAGE_COOKIE = "peyvand_lang"


@blueprint.get("")
@access.access(VIEWER)
def show() -> str:
    """Show who is signed in, where, and in which language."""
    operator, usable = access.operator(), passkeys.here()
    with access.reading() as session:
        found = queries.sessions(session, operator_id=operator.operator_id, wall=access.wall())
        own = keys.passkeys(session, operator_id=operator.operator_id)
        options = (
            keys.creation_options(
                session, party=passkeys.party(), operator=operator, challenge=passkeys.ask()
            )
            if usable
            else None
        )
    return render_template(
        "profile.html",
        sessions=found,
        current=access.current_session(),
        locales=LOCALES,
        passkeys=own,
        options=options,
        elsewhere=None if usable else passkeys.party().origin,
    )


@blueprint.post("/passkeys")
@access.access(VIEWER)
def add_passkey() -> Response:
    """Keep a passkey that this operator's device has made."""
    try:
        challenge = passkeys.asked()
        with access.unit_of_work() as session:
            keys.register(
                session,
                wall=access.wall(),
                party=passkeys.party(),
                operator=access.operator(),
                challenge=challenge,
                answer=request.form.get("answer", ""),
                name=request.form.get("name", ""),
            )
    except PasskeyError:
        flash(_("No passkey was made: open the page again, or remove one of ten first."), "bad")
    else:
        flash(_("The passkey is yours: sign in with it from now on."), "good")
    return redirect(url_for("profile.show"))


@blueprint.post("/passkeys/<public_id>/remove")
@access.access(VIEWER)
def remove_passkey(public_id: str) -> Response:
    """Take one's own passkey away."""
    operator = access.operator()
    with access.unit_of_work() as session:
        gone = keys.remove(
            session,
            wall=access.wall(),
            by=operator,
            operator_id=operator.operator_id,
            passkey_id=ids.decode("pky", public_id),
        )
    if not gone:
        abort(404)
    flash(_("The passkey no longer opens the console."), "good")
    return redirect(url_for("profile.show"))


@blueprint.post("/notices")
@access.access(VIEWER)
def notices() -> Response:
    """Keep by which way this operator wants news of the nights, if at all."""
    try:
        with access.unit_of_work() as session:
            service.set_notices(
                session,
                vault=access.services().vault,
                now=access.wall(),
                operator=access.operator(),
                notices=request.form.get("notices", ""),
                phone=request.form.get("phone", ""),
            )
    except InvalidPhoneError:
        flash(_("This is not a mobile number."), "bad")
    except InvalidOperatorError:
        flash(_("A text message needs a mobile number."), "bad")
    else:
        flash(_("Saved."), "good")
    return redirect(url_for("profile.show"))


@blueprint.post("/sessions/<session_id>/end")
@access.access(VIEWER)
def end_session(session_id: str) -> Response:
    """End another sign-in of one's own."""
    with access.unit_of_work() as session:
        ended = service.end_session(
            session,
            wall=access.wall(),
            operator=access.operator(),
            session_id=ids.decode("ses", session_id),
        )
    if not ended:
        abort(404)
    flash(_("That sign-in has ended."), "good")
    return redirect(url_for("profile.show"))


@blueprint.post("/language")
@access.access(VIEWER)
def language() -> Response:
    """Keep the language of this operator, on every machine."""
    chosen = request.form.get("locale", "")
    if chosen not in LOCALES:
        abort(400)
    with access.unit_of_work() as session:
        service.set_locale(session, now=access.wall(), operator=access.operator(), locale=chosen)
    response = make_response(redirect(url_for("profile.show")))
    response.delete_cookie(LANGUAGE_COOKIE)
    return response
