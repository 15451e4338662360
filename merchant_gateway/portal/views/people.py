"""The merchant's people: invited, given another code, suspended; and where they are signed in."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from merchant_gateway.portal import access
from merchant_gateway.portal.access import OFFICE
from network import ids
from network.language import LazyText
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.operators import queries as audit
from network.portal import queries, service, ways_in
from network.portal.errors import (
    InvalidPortalUserError,
    LastAdministratorError,
    LoginTakenError,
)
from network.portal.roles import ROLES
from network.portal.service import Invited

blueprint = Blueprint("people", __name__, url_prefix="/people")
LOGGED = 200
_WRONG: dict[str, LazyText] = {
    "login": _l("Give an e-mail address, or a short name in Latin letters such as sara."),
    "name": _l("Give a name of at most 120 letters."),
    "role": _l("Choose what this person does."),
}


@blueprint.get("")
@access.area(OFFICE)
def index() -> str:
    """Show everybody, their sign-ins, and the form that invites."""
    return _page(errors={})


@blueprint.post("")
@access.area(OFFICE)
def invite() -> str | tuple[str, int]:
    """Invite somebody; the code is shown this once."""
    try:
        with access.unit_of_work() as session:
            made = service.invite(
                session,
                access.services().vault,
                merchant=access.merchant(),
                login=request.form.get("login", ""),
                name=request.form.get("name", ""),
                role=request.form.get("role", ""),
                actor=access.user().public_id,
                now=access.wall(),
            )
    except InvalidPortalUserError as error:
        named = error.field or "login"
        return _page(errors={named: str(_WRONG[named])}), 422
    except LoginTakenError:
        return _page(errors={"login": _("Somebody signs in with this name already.")}), 422
    return _code_page(made)


@blueprint.post("/<user_id>/code")
@access.area(OFFICE)
def new_code(user_id: str) -> str:
    """Make another code for somebody who lost the first or forgot the password."""
    with access.unit_of_work() as session:
        made = service.new_link(
            session,
            access.services().vault,
            merchant=access.merchant(),
            user_id=ids.decode(queries.PREFIX, user_id),
            actor=access.user().public_id,
            now=access.wall(),
        )
    return _code_page(made)


@blueprint.post("/<user_id>/code/end")
@access.area(OFFICE)
def end_code(user_id: str) -> Response:
    """End a code that would let somebody in, whoever made it."""
    with access.unit_of_work() as session:
        service.end_links(
            session,
            merchant=access.merchant(),
            user_id=ids.decode(queries.PREFIX, user_id),
            actor=access.user().public_id,
            now=access.wall(),
        )
    flash(_("The code opens nothing any more."), "good")
    return redirect(url_for("people.index"))


@blueprint.post("/<user_id>/state")
@access.area(OFFICE)
def change_state(user_id: str) -> Response:
    """Suspend somebody, or let them in again."""
    suspended = request.form.get("suspended") == "yes"
    try:
        with access.unit_of_work() as session:
            service.change(
                session,
                merchant=access.merchant(),
                user_id=ids.decode(queries.PREFIX, user_id),
                suspended=suspended,
                actor=access.user().public_id,
                now=access.wall(),
            )
    except LastAdministratorError:
        flash(_("Nobody else is an administrator: invite another one first."), "bad")
    else:
        flash(_("Suspended; every sign-in has ended.") if suspended else _("Let in again."), "good")
    return redirect(url_for("people.index"))


@blueprint.get("/log")
@access.area(OFFICE)
def log() -> str:
    """Show what the merchant's people and programs changed, the newest first."""
    merchant = access.merchant()
    own = f"merchant:{merchant.code}"
    with access.reading() as session:
        people = {
            each.public_id: each.name
            for each in queries.users(session, merchant_id=merchant.merchant_id)
        }
        rows = audit.acts(
            session,
            subject=own,
            actors=[own, *people],
            or_action="portal_user.",
            limit=LOGGED,
        )
    return render_template("office/log.html", rows=rows, people=people)


def _page(*, errors: dict[str, str]) -> str:
    merchant_id = access.merchant().merchant_id
    with access.reading() as session:
        found = queries.users(session, merchant_id=merchant_id)
        sessions = queries.sessions(session, merchant_id=merchant_id, wall=access.wall())
        ways = ways_in.open_ways_in(session, merchant_id=merchant_id, now=access.wall())
    return render_template(
        "office/people.html",
        people=found,
        sessions=sessions,
        ways_in=ways,
        names={each.user_id: each.name for each in found},
        current=access.current_session(),
        roles=ROLES,
        errors=errors,
        typed=request.form,
    )


def _code_page(made: Invited) -> str:
    address = access.services().settings.portal_url + url_for("signing.welcome")
    return render_template("office/code.html", made=made, address=address)
