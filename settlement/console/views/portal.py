"""A merchant's people in its portal: the first administrator is invited here, and let in again.

Where the merchant has an administrator who signs in, each way in is proposed here, and works once a
second operator has approved it.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.errors import PeyvandError
from network.language import LazyText
from network.language import lazy_gettext as _l
from network.merchants import queries as merchants
from network.merchants.queries import MerchantView
from network.operators import proposals
from network.operators.errors import ProposalError
from network.operators.roles import OPERATOR, VIEWER
from network.portal import queries, ways_in
from network.portal.errors import (
    InvalidPortalUserError,
    LoginTakenError,
    SecondOperatorError,
    UnknownPortalUserError,
)
from network.portal.service import Invited
from network.portal.ways_in import Proposed
from settlement.console import access
from settlement.console.proposing import shown
from settlement.console.refusals import refusal
from settlement.console.views.proposals import record

blueprint = Blueprint("portal", __name__, url_prefix="/merchants/<code>/portal")
_REFUSED = (
    InvalidPortalUserError,
    LoginTakenError,
    UnknownPortalUserError,
    SecondOperatorError,
    ProposalError,
)
_WORDS: dict[str, LazyText] = {
    InvalidPortalUserError.code: _l(
        "Give a name, and an e-mail address with its @ and its domain."
    ),
    LoginTakenError.code: _l("Somebody signs in with this address already."),
    UnknownPortalUserError.code: _l("This merchant has no such person, or suspended them."),
    SecondOperatorError.code: _l("A second operator has to approve this: say why, and propose it."),
}


@blueprint.get("")
@access.access(VIEWER)
def show(code: str) -> str:
    """Show who may sign in for a merchant, and which ways in wait for a second operator."""
    with access.reading() as session:
        merchant = merchants.merchant(session, code=code)
        people = queries.users(session, merchant_id=merchant.merchant_id)
        known = {each.user_id for each in people}
        waiting = [
            each
            for each in proposals.waiting(session)
            if each.kind == ways_in.WAY_IN and each.subject_id in known
        ]
        return render_template(
            "portal.html",
            merchant=merchant,
            people=people,
            may_invite=merchant.status in queries.MAY_SIGN_IN,
            needs_two=ways_in.needs_two(session, merchant_id=merchant.merchant_id),
            waiting=shown(session, waiting),
        )


@blueprint.post("")
@access.access(OPERATOR)
def invite(code: str) -> str | Response:
    """Invite the first administrator, or propose another; the code is shown this once."""
    return _made(code, _invite)


@blueprint.post("/<user_id>/way-in")
@access.access(OPERATOR)
def let_in(code: str, user_id: str) -> str | Response:
    """Make another code for who never signed in, or propose one for who can't any more."""
    return _made(code, _let_in, user_id=ids.decode(queries.PREFIX, user_id))


def _invite(session: Session, merchant: MerchantView) -> Invited | Proposed:
    login, name = request.form.get("email", ""), request.form.get("name", "")
    by, now, vault = access.operator().operator_id, access.wall(), access.services().vault
    if not ways_in.needs_two(session, merchant_id=merchant.merchant_id):
        return ways_in.invite_first(
            session, vault, merchant=merchant, login=login, name=name, by=by, now=now
        )
    return ways_in.propose_administrator(
        session,
        vault,
        merchant=merchant,
        login=login,
        name=name,
        reason=request.form.get("reason", ""),
        by=by,
        now=now,
    )


def _let_in(session: Session, merchant: MerchantView, *, user_id: UUID) -> Invited | Proposed:
    by, now, vault = access.operator().operator_id, access.wall(), access.services().vault
    if "reason" not in request.form:
        return ways_in.invite_again(
            session, vault, merchant=merchant, user_id=user_id, by=by, now=now
        )
    return ways_in.propose_again(
        session,
        vault,
        merchant=merchant,
        user_id=user_id,
        reason=request.form["reason"],
        by=by,
        now=now,
    )


def _made(code: str, make: Callable[..., Invited | Proposed], **facts: UUID) -> str | Response:
    """Make or propose a way in, and show its code; or say what is wrong."""
    try:
        with access.unit_of_work() as session:
            merchant = merchants.merchant(session, code=code)
            made = make(session, merchant, **facts)
            if isinstance(made, Proposed):
                record(session, "proposed", made.proposal)
    except _REFUSED as error:
        flash(_refusal(error), "bad")
        return redirect(url_for("portal.show", code=code))
    return render_template(
        "portal_code.html",
        merchant=merchant,
        made=made,
        waits=isinstance(made, Proposed),
        address=f"{access.services().settings.portal_url}/welcome",
    )


def _refusal(error: PeyvandError) -> str:
    return refusal(error) if isinstance(error, ProposalError) else str(_WORDS[error.code])
