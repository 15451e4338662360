"""A member's tier, set by an operator for a reason."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from network import ids
from network.language import gettext as _
from network.members.errors import InvalidMemberDataError, UnknownMemberError
from network.members.tiers import set_tier
from network.operators.roles import OPERATOR
from settlement.console import access

blueprint = Blueprint("tiers", __name__)


@blueprint.post("/members/<public_id>/tier")
@access.access(OPERATOR)
def change(public_id: str) -> Response:
    """Move a member to a tier; the reason goes into the audit log."""
    try:
        with access.unit_of_work() as session:
            set_tier(
                session,
                member_id=ids.decode("mem", public_id),
                tier=request.form.get("tier", ""),
                now=access.now(),
                set_by=access.operator().operator_id,
                reason=request.form.get("reason", ""),
            )
    except (InvalidMemberDataError, UnknownMemberError) as error:
        if error.field == "reason":
            flash(_("Say why, in a sentence or two."), "bad")
        else:
            flash(_("There is no such tier or member."), "bad")
    else:
        flash(_("The tier was changed. Purchases from now on are priced with it."), "good")
    return redirect(url_for("entries.wallet", public_id=public_id))
