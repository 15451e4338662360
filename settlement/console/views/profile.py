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

from network import ids
from network.language import LOCALES
from network.language import gettext as _
from network.operators import queries, service
from network.operators.roles import VIEWER
from settlement.console import access

blueprint = Blueprint("profile", __name__, url_prefix="/profile")
LANGUAGE_COOKIE = "peyvand_lang"


@blueprint.get("")
@access.access(VIEWER)
def show() -> str:
    """Show who is signed in, where, and in which language."""
    with access.reading() as session:
        found = queries.sessions(
            session, operator_id=access.operator().operator_id, wall=access.wall()
        )
    return render_template(
        "profile.html", sessions=found, current=access.current_session(), locales=LOCALES
    )


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
