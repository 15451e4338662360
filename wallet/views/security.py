"""Security: what the member has to prove themselves with, and above how many points it is asked."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from network.clock import local_date
from network.language import format_points, gettext
from network.members.errors import InvalidMemberDataError
from network.points import worth
from network.programme import queries as programme
from network.second_factor import passkeys, pins
from network.second_factor.errors import ProofNeededError
from network.second_factor.proofs import Act
from network.second_factor.threshold import set_threshold
from network.settings import PROGRAMME_ZONE
from wallet import access, forms, proving
from wallet.limits import CHANGE, limiter
from wallet.proving import Detour

blueprint = Blueprint("security", __name__, url_prefix="/profile/security")


@blueprint.get("")
def show() -> str:
    """Show what protects the points; whoever looks here has given up what waited for a proof."""
    proving.done()
    return _page({})


@blueprint.post("/threshold")
@limiter.limit(CHANGE)
def choose_threshold() -> Response | tuple[str, int]:
    """Choose above how many points is asked; more than before takes the PIN."""
    values, errors = forms.load(forms.ThresholdForm(), request.form)
    if not errors:
        try:
            return _choose(values["above"])
        except InvalidMemberDataError:
            with access.reading() as reader:
                most = format_points(proving.ask_above(reader))
            errors = {"above": gettext("You can choose at most %(points)s.", points=most)}
    return _page(errors), 422


def has_factor() -> bool:
    """Return whether the member has something to prove themselves with."""
    found = factors()
    return bool(found["pin"] or found["passkeys"])


def factors() -> dict[str, Any]:
    """Return what the member can prove themselves with, for a page."""
    with access.reading() as reader:
        member_id = access.member().member_id
        return {
            "pin": pins.state(reader, member_id=member_id),
            "passkeys": passkeys.passkeys(reader, access.services().vault, member_id=member_id),
        }


def go_on(waiting: Detour) -> Response:
    """Set the threshold that was waiting for its proof."""
    return _choose(waiting.act.points)


def _choose(points: int) -> Response:
    try:
        with access.unit_of_work() as unit:
            set_threshold(
                unit,
                member_id=access.member().member_id,
                session_id=access.current_session().session_id,
                points=points,
                most=proving.ask_above(unit),
                wall=access.wall(),
            )
    except ProofNeededError:
        return proving.detour(Act(kind="threshold", points=points))
    flash(gettext("Saved."), "good")
    return redirect(url_for("security.show"), code=303)


def _page(errors: dict[str, str]) -> str:
    today = local_date(access.now(), zone=PROGRAMME_ZONE)
    with access.reading() as reader:
        limits = proving.limits(reader)
        face_value = programme.face_value_on(reader, day=today)
    return render_template(
        "security/show.html",
        limits=limits,
        worth=worth(points=limits.points, face_value=face_value),
        typed=request.form,
        errors=errors,
        **factors(),
    )
