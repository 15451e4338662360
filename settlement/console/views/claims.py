"""Members' claims: what they say of their entries, and the answers they get."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import listing
from network import ids
from network.adjustments.queries import PREFIX as ADJUSTMENT
from network.claims import queries
from network.claims.errors import ClaimError
from network.claims.queries import PREFIX, ClaimView
from network.claims.service import OUTCOMES, answer_claim
from network.clearing.party_names import parties
from network.language import LazyText
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.ledger import queries as ledger
from network.operators import queries as operators
from network.operators.roles import OPERATOR
from settlement.console import access
from settlement.console.masking import masked

blueprint = Blueprint("claims", __name__, url_prefix="/claims")
_MOST = 500
_REFUSED: dict[str, LazyText] = {
    "outcome": _l("Choose what became of it."),
    "correction": _l(
        "Choose the correction that gives the points back. Propose one on the member's page, and "
        "answer once a colleague has approved it; one answers one claim."
    ),
    "less": _l("This correction gives less than was spent: say why."),
    "same": _l("You gave the answer that the member objects to: a colleague decides about it."),
    "words": _l("Say it in a few sentences (at most 500 characters)."),
    "answered": _l("A colleague has answered it already."),
}
_FIELDS = {"words": "words", "correction": "correction", "less": "why_less"}


@blueprint.get("")
@access.access(OPERATOR)
def index() -> str:
    """Show claims that wait, the oldest first, or those that were answered."""
    every = listing.argument("show") == "answered"
    with access.reading() as session:
        found = (queries.answered if every else queries.waiting)(session, limit=_MOST)
    return render_template("claims.html", found=found, every=every, wall=access.wall())


@blueprint.get("/<public_id>")
@access.access(OPERATOR)
def show(public_id: str) -> str:
    """Show one claim beside the entry it is about."""
    return _page(public_id, {}, {})


def _page(public_id: str, typed: dict[str, str], errors: dict[str, str]) -> str:
    found = _claim(public_id)
    with access.reading() as session:
        entry = ledger.entry(session, member_id=found.wallet_id, sequence=found.sequence)
        wallet = ledger.stored_wallet(session, member_id=found.wallet_id)
        names = parties(session)
        people = {each.operator_id: each for each in operators.all_operators(session)}
        person = masked(session, found.member_id)
        vault = access.services().vault
        first = (
            queries.claim(session, vault, claim_id=found.objects_to) if found.objects_to else None
        )
        objection = queries.objection_to(session, vault, claim_id=found.claim_id)
        corrections = [] if found.outcome else queries.corrections_for(session, found)
    return render_template(
        "claim.html",
        found=found,
        public=public_id,
        entry=entry,
        wallet=wallet,
        names=names,
        people=people,
        person=person,
        outcomes=OUTCOMES,
        first=first,
        objection=objection,
        corrections=corrections,
        mine=first is not None and first.decided_by == access.operator().operator_id,
        typed=typed,
        errors=errors,
        wall=access.wall(),
    )


@blueprint.post("/<public_id>/answer")
@access.access(OPERATOR)
def answer(public_id: str) -> Response | tuple[str, int]:
    """Tell the member what became of it."""
    services = access.services()
    try:
        with access.unit_of_work() as session:
            answer_claim(
                session,
                services.vault,
                claim_id=_id(public_id),
                outcome=request.form.get("outcome", ""),
                words=request.form.get("words", ""),
                by=access.operator().operator_id,
                now=access.wall(),
                wallet_url=services.settings.wallet_url,
                correction_id=_correction(request.form.get("correction", "")),
                why_less=request.form.get("why_less", ""),
            )
    except ClaimError as error:
        if error.reason == "unknown":
            abort(404)
        said = str(_REFUSED[error.reason])
        if error.reason not in {"answered", "same"}:
            field = _FIELDS.get(error.reason, "outcome")
            return _page(public_id, request.form.to_dict(), {field: said}), 422
        flash(said, "bad")
    else:
        flash(_("The member is told."), "good")
    return redirect(url_for("claims.show", public_id=public_id))


def _correction(public_id: str) -> UUID | None:
    return ids.decode(ADJUSTMENT, public_id) if public_id else None


def _id(public_id: str) -> UUID:
    return ids.decode(PREFIX, public_id)


def _claim(public_id: str) -> ClaimView:
    with access.reading() as session:
        found = queries.claim(session, access.services().vault, claim_id=_id(public_id))
    if found is None:
        abort(404)
    return found
