"""What waits for a second person: the list, and the two answers."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask import Response as FlaskResponse
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import listing
from network import ids
from network.language import gettext as _
from network.members import merging
from network.operators import proposals
from network.operators.errors import ProposalError
from network.operators.proposals import Proposal
from network.operators.roles import APPROVER, OPERATOR, VIEWER
from settlement import second_person
from settlement.console import access
from settlement.console.announcing import announce
from settlement.console.refusals import REFUSED, refusal
from settlement.console.waiting import Item, everything

blueprint = Blueprint("proposals", __name__, url_prefix="/proposals")
_COLUMNS = ("proposal", "kind", "what", "why", "proposed_by", "proposed_at")


@blueprint.get("")
@access.access(VIEWER)
def index() -> str | FlaskResponse:
    """Show everything that waits for a second person."""
    own = listing.argument("whose") == "mine"
    with access.reading() as session:
        waiting = everything(session)
    page = listing.arrange(
        [each for each in waiting if not own or _mine(each.proposed_by)],
        sort="proposed",
        keys={
            "proposed": lambda row: row.proposed_at,
            "what": lambda row: row.words,
            "who": lambda row: row.proposer,
        },
        words=lambda row: f"{row.words} {row.why} {row.proposer}",
    )
    if listing.wants_csv():
        rows = [_cells(each) for each in page.rows]
        return listing.csv_response("proposals", _COLUMNS, rows)
    return render_template("proposals.html", page=page, own=own)


def _cells(row: Item) -> tuple[object, ...]:
    return (
        row.public_id,
        row.kind,
        row.words,
        row.why,
        row.proposer,
        row.proposed_at.isoformat(),
    )


@blueprint.post("/<public_id>/approve")
@access.access(APPROVER)
def approve(public_id: str) -> Response:
    """Approve what another person proposed, which does it."""
    try:
        with access.unit_of_work() as session:
            proposal = second_person.approve(
                session,
                proposal_id=ids.decode("ppl", public_id),
                by=access.operator().operator_id,
                now=access.wall(),
            )
            record(session, "approved", proposal)
            if proposal.kind == merging.MERGE:
                _tell(session, proposal)
    except REFUSED as error:
        flash(refusal(error), "bad")
    else:
        if proposal.kind in second_person.CHANGES_ACCESS:
            announce()
        flash(_("Approved, and done."), "good")
    return back()


def _tell(session: Session, proposal: Proposal) -> None:
    services = access.services()
    merging.tell(
        session,
        services.vault,
        proposal=proposal,
        wall=access.wall(),
        wallet_url=services.settings.wallet_url,
    )


@blueprint.post("/<public_id>/decline")
@access.access(OPERATOR)
def decline(public_id: str) -> Response:
    """Decline a proposal as an approver, or take one's own back."""
    try:
        with access.unit_of_work() as session:
            proposal = proposals.decide(
                session,
                proposal_id=ids.decode("ppl", public_id),
                approved=False,
                by=access.operator().operator_id,
                now=access.wall(),
            )
            if not (access.operator().may(APPROVER) or _own(proposal)):
                abort(403)
            record(session, "declined", proposal)
    except ProposalError as error:
        flash(refusal(error), "bad")
    else:
        flash(_("Declined: nothing was changed."), "good")
    return back()


def _own(proposal: Proposal) -> bool:
    return _mine(proposal.proposed_by)


def _mine(operator_id: UUID | None) -> bool:
    return operator_id == access.operator().operator_id


def put_forward(make: Callable[[Session], Proposal], *, back: str) -> Response:
    """Have what an operator wants wait for a second person; say so, or why not, and go ``back``."""
    try:
        with access.unit_of_work() as session:
            record(session, "proposed", make(session))
    except REFUSED as error:
        flash(refusal(error), "bad")
    else:
        flash(_("Proposed. It is done once another person has approved it."), "good")
    return redirect(back)


def record(session: Session, decision: str, proposal: Proposal) -> None:
    """Write into the audit log that something was proposed, approved or declined."""
    proposals.record(
        session,
        decision=decision,
        proposal=proposal,
        actor=access.operator().public_id,
        now=access.wall(),
    )


def back() -> Response:
    """Return to the page whose form was sent, where it names one of ours."""
    return redirect(access.safe_next(request.form.get("next") or url_for("proposals.index")))
