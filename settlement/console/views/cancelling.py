"""Cancelling what two people approved for a day to come: proposed here, approved like all else."""

from __future__ import annotations

from flask import Blueprint, abort, request, url_for
from werkzeug.wrappers import Response

from network.clearing.parties import NETWORK_PARTY
from network.language import parse_day
from network.merchants import queries as merchants
from network.operators.roles import OPERATOR
from network.programme import cancelling
from settlement.console import access
from settlement.console.views.proposals import put_forward

blueprint = Blueprint("cancelling", __name__)


@blueprint.post("/cancellations")
@access.access(OPERATOR)
def propose() -> Response:
    """Propose that what begins on a day to come never does; go back to the page it stands on."""
    kind, code = request.form.get("kind", ""), request.form.get("merchant", "")
    day = parse_day(request.form.get("day", ""))
    if kind not in cancelling.KINDS or day is None:
        abort(400)
    with access.reading() as session:
        subject = (
            NETWORK_PARTY
            if kind in cancelling.OF_ALL
            else merchants.merchant(session, code=code).merchant_id
        )
    return put_forward(
        lambda session: cancelling.propose_cancelling(
            session,
            kind=kind,
            subject_id=subject,
            effective_from=day,
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            wall=access.wall(),
        ),
        back=access.safe_next(request.form.get("next") or url_for("programme.show")),
    )
