"""Sponsors: parties without shops that pay for points of campaigns."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from network.language import LazyText
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.merchants import errors, service
from network.merchants.queries import APPLICANT_PREFIX, SPONSOR
from network.operators.audit import record_act
from network.operators.roles import OPERATOR
from settlement.console import access

blueprint = Blueprint("sponsors", __name__, url_prefix="/sponsors")
LONGEST = 120
_WRONG: dict[str, LazyText] = {
    "name_fa": _l("Give a name in Persian."),
    "name_en": _l("Give a name in English."),
    "code": _l(
        "Give a code of small Latin letters, digits and single hyphens, at most 40, that nobody"
        " has."
    ),
}


@blueprint.get("/new")
@access.access(OPERATOR)
def form() -> str:
    """Show the form of a new sponsor."""
    return _form({})


@blueprint.post("")
@access.access(OPERATOR)
def add() -> Response | tuple[str, int]:
    """Take a sponsor in; what it pays, two people agree on next."""
    given = {name: request.form.get(name, "").strip() for name in _WRONG}
    wrong = [name for name, value in given.items() if not 0 < len(value) <= LONGEST]
    if given["code"].startswith(APPLICANT_PREFIX):
        wrong.append("code")
    if wrong:
        return _form({name: str(_WRONG[name]) for name in wrong}), 400
    try:
        with access.unit_of_work() as session:
            service.register_merchant(session, **given, kind=SPONSOR, now=access.now())
            record_act(
                session,
                now=access.wall(),
                actor=access.operator().public_id,
                action="sponsor.added",
                subject=f"merchant:{given['code']}",
                facts={"name_en": given["name_en"]},
            )
    except (errors.CodeTakenError, errors.MerchantDataError):
        return _form({"code": str(_WRONG["code"])}), 400
    flash(_("The sponsor is registered. Propose its agreement next."), "good")
    return redirect(url_for("agreements.form", code=given["code"]))


def _form(wrong: dict[str, str]) -> str:
    return render_template("sponsor_form.html", errors=wrong, given=request.form)
