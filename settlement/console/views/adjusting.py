"""A member's points put right by two people: one proposes on the wallet's page, another posts."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.adjustments import queries, service
from network.adjustments.queries import PREFIX, AdjustmentView
from network.clearing.parties import NETWORK_NAME, NETWORK_PARTY
from network.language import gettext as _
from network.language import parse_day, parse_whole_number
from network.ledger.errors import UnknownWallet
from network.merchants import queries as merchants
from network.operators.roles import APPROVER, OPERATOR
from network.reconciliation import deciding
from settlement.console import access
from settlement.console.reconciling import REFUSED, tell

blueprint = Blueprint("adjusting", __name__)


@blueprint.post("/members/<public_id>/adjustments")
@access.access(OPERATOR)
def propose(public_id: str) -> Response:
    """Propose that a member gets points, loses points, or owes less."""
    member_id = ids.decode("mem", public_id)
    code, kind = request.form.get("issuer", ""), request.form.get("kind", "")
    try:
        with access.unit_of_work() as session:
            issuer = (
                NETWORK_PARTY
                if code == NETWORK_NAME
                else merchants.merchant(session, code=code).merchant_id
            )
            service.propose(
                session,
                now=access.now(),
                member_id=member_id,
                kind=kind,
                issuer_id=issuer,
                points=parse_whole_number(request.form.get("points", "")) or 0,
                reason=request.form.get("reason", ""),
                proposed_by=access.operator().operator_id,
                expires_on=parse_day(request.form.get("expires_on", "")) if kind == "up" else None,
            )
    except UnknownWallet:
        abort(404)
    except REFUSED as error:
        tell([error])
    else:
        flash(_("Proposed. It is posted once another person has approved it."), "good")
    return redirect(url_for("entries.wallet", public_id=public_id, _anchor="corrections"))


@blueprint.post("/adjustments/<public_id>/approve")
@access.access(APPROVER)
def approve(public_id: str) -> Response:
    """Post what another person proposed."""
    try:
        with access.unit_of_work() as session:
            found = _found(session, public_id)
            deciding.approve_adjustment(
                session,
                adjustment_id=found.adjustment_id,
                by=access.operator().operator_id,
                now=access.now(),
                wall=access.wall(),
            )
    except REFUSED as error:
        tell([error])
    else:
        flash(_("Approved, and done."), "good")
    return _back(found)


@blueprint.post("/adjustments/<public_id>/decline")
@access.access(OPERATOR)
def decline(public_id: str) -> Response:
    """Decline what was proposed as an approver, or take one's own back."""
    try:
        with access.unit_of_work() as session:
            found = _found(session, public_id)
            own = found.proposed_by == access.operator().operator_id
            if not (own or access.operator().may(APPROVER)):
                abort(403)
            deciding.decline_adjustment(
                session,
                adjustment_id=found.adjustment_id,
                by=access.operator().operator_id,
                now=access.now(),
                wall=access.wall(),
            )
    except REFUSED as error:
        tell([error])
    else:
        flash(_("Declined: nothing was changed."), "good")
    return _back(found)


def _found(session: Session, public_id: str) -> AdjustmentView:
    found = queries.adjustment(session, adjustment_id=ids.decode(PREFIX, public_id))
    if found is None:
        abort(404)
    return found


def _back(found: AdjustmentView) -> Response:
    return redirect(
        url_for(
            "entries.wallet", public_id=ids.encode("mem", found.member_id), _anchor="corrections"
        )
    )
