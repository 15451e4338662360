"""A way to a person: how to reach the network, a form for questions, and the answers."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from network.language import gettext
from network.questions import queries, service
from network.questions.service import QuestionError
from wallet import access
from wallet.limits import CLAIM, limiter, of_member

blueprint = Blueprint("contact", __name__, url_prefix="/contact")
SHOWN = 30


@blueprint.get("")
@access.public
def show() -> str:
    """Show the contact to everybody, and to a member their questions."""
    return _page("", {})


@blueprint.post("")
@limiter.limit(CLAIM, key_func=of_member)
def ask() -> Response | tuple[str, int]:
    """Send a question."""
    typed = request.form.get("words", "")
    try:
        with access.unit_of_work() as unit:
            service.ask(
                unit,
                access.services().vault,
                member_id=access.member().member_id,
                words=typed,
                now=access.wall(),
            )
    except QuestionError as error:
        many = error.reason == "many"
        said = (
            gettext("Five of your questions wait for an answer already. Please wait for one.")
            if many
            else gettext("Ask in a few sentences (at most 1,000 characters).")
        )
        return _page(typed, {"words": said}), 422
    flash(gettext("Thank you. We answer here, and send you a message."), "good")
    return redirect(url_for("contact.show"), code=303)


def _page(typed: str, errors: dict[str, str]) -> str:
    member = access.member_or_none()
    with access.reading() as session:
        contact = queries.contact(session)
        asked = []
        if member is not None:
            vault = access.services().vault
            asked = queries.asked_by(session, vault, member_id=member.member_id, limit=SHOWN)
    return render_template(
        "contact.html",
        contact=contact,
        asked=asked,
        typed=typed,
        errors=errors,
        days=queries.ANSWER_WITHIN.days,
        longest=service.LONGEST_WORDS,
    )
