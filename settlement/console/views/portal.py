"""A merchant's people in its portal: the first administrator is invited here, and let in again."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from network import ids
from network.language import gettext as _
from network.merchants import queries as merchants
from network.operators.roles import OPERATOR, VIEWER
from network.portal import queries, service
from network.portal.errors import (
    InvalidPortalUserError,
    LoginTakenError,
    UnknownPortalUserError,
)
from network.portal.roles import ADMINISTRATOR
from network.portal.service import Invited
from settlement.console import access

blueprint = Blueprint("portal", __name__, url_prefix="/merchants/<code>/portal")


@blueprint.get("")
@access.access(VIEWER)
def show(code: str) -> str:
    """Show who may sign in for a merchant."""
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        people = queries.users(session, merchant_id=merchant.merchant_id)
    return render_template(
        "portal.html",
        merchant=merchant,
        people=people,
        may_invite=merchant.status in queries.MAY_SIGN_IN,
    )


@blueprint.post("")
@access.access(OPERATOR)
def invite(code: str) -> str | Response:
    """Invite an administrator, who invites the others; the link is shown this once."""
    try:
        with access.unit_of_work() as session:
            made = service.invite(
                session,
                access.services().vault,
                merchant=merchants.merchant(session, code=code),
                login=request.form.get("email", ""),
                name=request.form.get("name", ""),
                role=ADMINISTRATOR,
                actor=access.operator().public_id,
                now=access.wall(),
            )
    except InvalidPortalUserError:
        return _refused(code, _("Give a name, and an e-mail address with its @ and its domain."))
    except LoginTakenError:
        return _refused(code, _("Somebody signs in with this address already."))
    return _link_page(code, made)


@blueprint.post("/<user_id>/link")
@access.access(OPERATOR)
def link(code: str, user_id: str) -> str | Response:
    """Make another link for somebody who can't get in any more."""
    try:
        with access.unit_of_work() as session:
            made = service.new_link(
                session,
                access.services().vault,
                merchant=merchants.merchant(session, code=code),
                user_id=ids.decode(queries.PREFIX, user_id),
                actor=access.operator().public_id,
                now=access.wall(),
            )
    except UnknownPortalUserError:
        return _refused(code, _("This merchant has no such person, or suspended them."))
    return _link_page(code, made)


def _link_page(code: str, made: Invited) -> str:
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
    address = f"{access.services().settings.portal_url}/welcome/{made.token}"
    return render_template(
        "portal_link.html", merchant=merchant, invited=made.user, address=address
    )


def _refused(code: str, sentence: str) -> Response:
    flash(sentence, "bad")
    return redirect(url_for("portal.show", code=code))
