"""Members' questions, each with a clock and an owner; and how members reach a person."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from config.web import listing
from network import ids
from network.language import LazyText
from network.language import gettext as _
from network.language import lazy_gettext as _l
from network.members.errors import UnknownMemberError
from network.operators import queries as operators
from network.operators.roles import ADMINISTRATOR, OPERATOR
from network.questions import queries, service
from network.questions.queries import PREFIX
from network.questions.service import QuestionError
from settlement.console import access
from settlement.console.masking import masked

blueprint = Blueprint("questions", __name__, url_prefix="/questions")
_MOST = 500
_REFUSED: dict[str, LazyText] = {
    "words": _l("Say it in a few sentences (at most 1,000 characters)."),
    "answered": _l("A colleague has answered it already."),
}


@blueprint.get("")
@access.access(OPERATOR)
def index() -> str:
    """Show questions that wait, the oldest first, or those that were answered."""
    every = listing.argument("show") == "answered"
    with access.reading() as session:
        found = (queries.answered if every else queries.waiting)(session, limit=_MOST)
        people = {each.operator_id: each for each in operators.all_operators(session)}
        contact = queries.contact(session)
    return render_template(
        "questions.html",
        found=found,
        every=every,
        people=people,
        contact=contact,
        wall=access.wall(),
    )


@blueprint.get("/<public_id>")
@access.access(OPERATOR)
def show(public_id: str) -> str:
    """Show one question, and the form to answer it."""
    return _page(public_id, "", {})


@blueprint.post("/<public_id>/take")
@access.access(OPERATOR)
def take(public_id: str) -> Response:
    """Make a question one's own."""
    try:
        with access.unit_of_work() as session:
            service.take(
                session,
                question_id=_id(public_id),
                by=access.operator().operator_id,
                now=access.wall(),
            )
    except QuestionError as error:
        _missing(error)
        flash(str(_REFUSED[error.reason]), "bad")
    return redirect(url_for("questions.show", public_id=public_id), code=303)


@blueprint.post("/<public_id>/answer")
@access.access(OPERATOR)
def answer(public_id: str) -> Response | tuple[str, int]:
    """Answer the member."""
    services, typed = access.services(), request.form.get("words", "")
    try:
        with access.unit_of_work() as session:
            service.answer(
                session,
                services.vault,
                question_id=_id(public_id),
                words=typed,
                by=access.operator().operator_id,
                now=access.wall(),
                address=f"{services.settings.wallet_url}/contact",
            )
    except UnknownMemberError:
        flash(_("This member left: nobody reads an answer."), "bad")
    except QuestionError as error:
        _missing(error)
        said = str(_REFUSED[error.reason])
        if error.reason == "words":
            return _page(public_id, typed, {"words": said}), 422
        flash(said, "bad")
    else:
        flash(_("The member is told."), "good")
    return redirect(url_for("questions.show", public_id=public_id), code=303)


@blueprint.post("/contact")
@access.access(ADMINISTRATOR)
def set_contact() -> Response:
    """Say how members reach a person."""
    given = {name: request.form.get(name, "") for name in service.CONTACT_LINES}
    try:
        with access.unit_of_work() as session:
            service.set_contact(
                session, by=access.operator().operator_id, now=access.wall(), **given
            )
    except QuestionError:
        flash(_("Give at least one line, each of at most 200 characters."), "bad")
    else:
        flash(_("Members see it from now on."), "good")
    return redirect(url_for("questions.index", _anchor="contact"), code=303)


def _page(public_id: str, typed: str, errors: dict[str, str]) -> str:
    with access.reading() as session:
        found = queries.question(session, access.services().vault, question_id=_id(public_id))
        if found is None:
            abort(404)
        people = {each.operator_id: each for each in operators.all_operators(session)}
        person = masked(session, found.member_id)
    return render_template(
        "question.html",
        found=found,
        public=public_id,
        people=people,
        person=person,
        typed=typed,
        errors=errors,
        longest=service.LONGEST_WORDS,
        me=access.operator().operator_id,
        wall=access.wall(),
    )


def _missing(error: QuestionError) -> None:
    if error.reason == "unknown":
        abort(404)


def _id(public_id: str) -> UUID:
    return ids.decode(PREFIX, public_id)
