"""Two members who are one person: seen side by side, proposed here, approved like all else."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.language import LazyText, ascii_digits, normalise
from network.language import lazy_gettext as _l
from network.members import merging
from network.members.merging import MergeError, Side
from network.operators.roles import OPERATOR
from settlement.console import access
from settlement.console.masking import masked
from settlement.console.refusals import refusal
from settlement.console.views.members import look_up
from settlement.console.views.proposals import put_forward

blueprint = Blueprint("merging", __name__)
_NOBODY: LazyText = _l("Nobody is found: give a member's whole id, card number or mobile number.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One of two members: what they have, who they are (masked), why they can't go or stay."""

    public_id: str
    side: Side
    person: dict[str, str | None]
    refused: str | None


@blueprint.post("/members/<public_id>/merge")
@access.access(OPERATOR)
def look(public_id: str) -> str | Response:
    """Show a member beside whom an id, a card or a phone names; the look is logged."""
    member_id = ids.decode("mem", public_id)
    wanted = ascii_digits(normalise(request.form.get("who", "")))
    try:
        with access.unit_of_work() as session:
            other = look_up(session, wanted)
            if other is None:
                flash(str(_NOBODY), "bad")
                return _back(public_id)
            sides = _pair(session, member_id, other)
    except MergeError as error:
        flash(refusal(error), "bad")
        return _back(public_id)
    return render_template("merge.html", public=public_id, sides=sides)


@blueprint.post("/members/<public_id>/merge/propose")
@access.access(OPERATOR)
def propose(public_id: str) -> Response:
    """Propose that of two members one goes into the other."""
    pair = [ids.decode("mem", each) for each in (public_id, request.form.get("other", ""))]
    goes = ids.decode("mem", request.form.get("goes", ""))
    if goes not in pair:
        abort(400)
    pair.remove(goes)
    return put_forward(
        lambda session: merging.propose(
            session,
            member_id=goes,
            into=pair[0],
            reason=request.form.get("reason", ""),
            by=access.operator().operator_id,
            now=access.now(),
            wall=access.wall(),
        ),
        back=_page(public_id),
    )


def _pair(session: Session, member_id: UUID, other: UUID) -> tuple[Shown, Shown]:
    if other == member_id:
        raise MergeError("that is one member", reason="same")
    return _shown(session, member_id, other), _shown(session, other, member_id)


def _shown(session: Session, member_id: UUID, other: UUID) -> Shown:
    times = {"now": access.now(), "wall": access.wall()}
    try:
        merging.check(session, member_id=member_id, into=other, **times)
    except MergeError as error:
        refused: str | None = refusal(error)
    else:
        refused = None
    return Shown(
        public_id=ids.encode("mem", member_id),
        side=merging.side(session, member_id=member_id, **times),
        person=masked(session, member_id),
        refused=refused,
    )


def _page(public_id: str) -> str:
    return url_for("entries.wallet", public_id=public_id, _anchor="merge")


def _back(public_id: str) -> Response:
    return redirect(_page(public_id))
