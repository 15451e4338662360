"""The merchant's people: invited, given another code, suspended; and where they are signed in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import listing
from config.web.listing import Page
from merchant_gateway.portal import access, words
from merchant_gateway.portal.access import OFFICE
from network import ids
from network.language import LazyText
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.operators import queries as audit
from network.operators.queries import ActView
from network.portal import announcing, pins, queries, service, ways_in
from network.portal.errors import (
    InvalidPortalUserError,
    LastAdministratorError,
    LoginTakenError,
)
from network.portal.queries import UserView
from network.portal.roles import ROLES
from network.portal.service import Invited

blueprint = Blueprint("people", __name__, url_prefix="/people")
LOGGED = 5_000
_WRONG: dict[str, LazyText] = {
    "login": _l("Give an e-mail address, or a short name in Latin letters such as sara."),
    "name": _l("Give a name of at most 120 letters."),
    "role": _l("Choose what this person does."),
}


@blueprint.get("")
@access.area(OFFICE)
def index() -> str | Response:
    """Show everybody, their sign-ins, and the form that invites; as a file, everybody."""
    if not listing.wants_csv():
        return _page(errors={})
    with access.reading() as session:
        found = queries.users(session, merchant_id=access.merchant().merchant_id)
    rows = (
        (each.name, each.login, each.role, each.status, each.pin_state, each.created_at)
        for each in _arranged(found).rows
    )
    columns = ("name", "signs_in_as", "role", "state", "pin", "since")
    return listing.csv_response(f"{access.merchant().code}-people", columns, rows)


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


@blueprint.post("/<user_id>/pin/reset")
@access.area(OFFICE)
def reset_pin(user_id: str) -> Response:
    """Take somebody's PIN away; they choose the next one themselves."""
    with access.unit_of_work() as session:
        done = pins.reset(
            session,
            merchant=access.merchant(),
            user_id=ids.decode(queries.PREFIX, user_id),
            actor=access.user().public_id,
            wall=access.wall(),
        )
    flash(
        _(
            "%(name)s has no PIN now, and chooses another one under My account.",
            name=done.name,
        ),
        "good",
    )
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
def log() -> str | Response:
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
            limit=listing.asked(LOGGED),
        )
    page = listing.arrange(
        listing.first(rows, LOGGED)[0],
        keys={
            "when": lambda each: each.recorded_at,
            "who": lambda each: people.get(each.actor),
            "what": lambda each: words.said(each.action, "action"),
        },
        sort="-when",
        words=lambda each: " ".join(
            (
                people.get(each.actor, ""),
                words.said(each.action, "action"),
                *(people.get(str(value), str(value)) for value in each.facts.values()),
            )
        ),
    )
    if listing.wants_csv():
        return _log_file(page.rows, code=merchant.code, people=people)
    return render_template("office/log.html", page=page, people=people)


def _log_file(rows: Sequence[ActView], *, code: str, people: Mapping[str, str]) -> Response:
    lines = (
        (
            each.recorded_at,
            people.get(each.actor, each.actor),
            each.action,
            json.dumps(each.facts, ensure_ascii=False, sort_keys=True),
        )
        for each in rows
    )
    return listing.csv_response(f"{code}-log", ("when", "who", "what", "facts"), lines)


def _arranged(found: list[UserView]) -> Page[UserView]:
    return listing.arrange(
        found,
        keys={
            "name": lambda each: each.name,
            "login": lambda each: each.login,
            "role": lambda each: words.said(each.role, "role"),
            "state": lambda each: words.said(each.status, "user"),
            "pin": lambda each: words.said(each.pin_state, "pin"),
            "since": lambda each: each.created_at,
        },
        sort="name",
        words=lambda each: f"{each.name} {each.login} {words.said(each.role, 'role')}",
    )


def _page(*, errors: dict[str, str]) -> str:
    merchant_id = access.merchant().merchant_id
    with access.reading() as session:
        found = queries.users(session, merchant_id=merchant_id)
        sessions = queries.sessions(session, merchant_id=merchant_id, wall=access.wall())
        ways = ways_in.open_ways_in(session, merchant_id=merchant_id, now=access.wall())
        codes = announcing.waiting(session, merchant_id=merchant_id, now=access.wall())
    return render_template(
        "office/people.html",
        page=_arranged(found),
        sessions=sessions,
        ways_in=ways,
        codes=codes,
        by_id={each.public_id: each.name for each in found},
        names={each.user_id: each.name for each in found},
        current=access.current_session(),
        roles=ROLES,
        errors=errors,
        typed=request.form,
    )


def _code_page(made: Invited) -> str:
    address = access.services().settings.portal_url + url_for("signing.welcome")
    return render_template("office/code.html", made=made, address=address)
