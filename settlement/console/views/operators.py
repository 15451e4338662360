"""Operators: who may do what, where they are signed in, and a way in for who has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from config.web import listing
from network import ids
from network.errors import PeyvandError
from network.language import gettext as _
from network.operators import managing, passkeys, queries
from network.operators.errors import InvalidOperatorError, OperatorExistsError
from network.operators.roles import ADMINISTRATOR, ROLES
from settlement.console import access

blueprint = Blueprint("operators", __name__, url_prefix="/operators")


@blueprint.get("")
@access.access(ADMINISTRATOR)
def index() -> str | Response:
    """Show every operator with the role, and codes that are open or wait."""
    with access.reading() as session:
        found = queries.all_operators(session)
        seen = queries.last_seen(session)
        open_codes = managing.open_recoveries(session, wall=access.wall())
    page = listing.arrange(
        found,
        sort="name",
        keys={
            "name": lambda row: row.name,
            "email": lambda row: row.email,
            "role": lambda row: ROLES.index(row.role),
            "status": lambda row: row.status,
            "seen": lambda row: seen.get(row.operator_id),
            "since": lambda row: row.created_at,
        },
        words=lambda row: f"{row.name} {row.email} {row.role}",
    )
    if listing.wants_csv():
        return _file(page.rows, seen=seen)
    return render_template(
        "operators.html",
        page=page,
        seen=seen,
        codes=open_codes,
        people={each.operator_id: each for each in found},
        roles=ROLES,
        errors={},
    )


def _file(rows: Sequence[queries.OperatorView], *, seen: Mapping[UUID, datetime]) -> Response:
    return listing.csv_response(
        "operators",
        ("operator", "name", "email", "role", "status", "last_seen", "since"),
        (
            (
                row.public_id,
                row.name,
                row.email,
                row.role,
                row.status,
                seen[row.operator_id].isoformat() if row.operator_id in seen else None,
                row.created_at.isoformat(),
            )
            for row in rows
        ),
    )


@blueprint.post("")
@access.access(ADMINISTRATOR)
def add() -> Response | str:
    """Add an operator and show the code by which the person chooses a password."""
    try:
        with access.unit_of_work() as session:
            added, begun = managing.add(
                session,
                vault=access.services().vault,
                wall=access.wall(),
                by=access.operator(),
                email=request.form.get("email", ""),
                name=request.form.get("name", ""),
                role=request.form.get("role", ""),
            )
    except (InvalidOperatorError, OperatorExistsError, managing.OwnAccountError) as error:
        flash(refusal(error), "bad")
        return redirect(url_for("operators.index"))
    return render_template("recovery_made.html", person=added, begun=begun)


@blueprint.get("/<public_id>")
@access.access(ADMINISTRATOR)
def show(public_id: str) -> str:
    """Show an operator: role, state, sign-ins, passkeys."""
    operator_id = ids.decode("opr", public_id)
    with access.reading() as session:
        person = queries.operator(session, operator_id=operator_id)
        if person is None:
            abort(404)
        return render_template(
            "operator.html",
            person=person,
            own=operator_id == access.operator().operator_id,
            sessions=queries.sessions(session, operator_id=operator_id, wall=access.wall()),
            passkeys=passkeys.passkeys(session, operator_id=operator_id),
            codes=[
                each
                for each in managing.open_recoveries(session, wall=access.wall())
                if each.operator_id == operator_id
            ],
            people={each.operator_id: each for each in queries.all_operators(session)},
            roles=ROLES,
        )


@blueprint.post("/<public_id>/role")
@access.access(ADMINISTRATOR)
def change_role(public_id: str) -> Response:
    """Give another operator a role."""
    operator_id = ids.decode("opr", public_id)
    role = request.form.get("role", "")
    return _done(
        public_id,
        lambda session: managing.change_role(
            session, wall=access.wall(), by=access.operator(), operator_id=operator_id, role=role
        ),
        _("The role was changed."),
    )


@blueprint.post("/<public_id>/state")
@access.access(ADMINISTRATOR)
def change_state(public_id: str) -> Response:
    """Suspend another operator, or let one in again."""
    operator_id = ids.decode("opr", public_id)
    suspend = request.form.get("state") == "suspended"
    act = managing.suspend if suspend else managing.resume
    return _done(
        public_id,
        lambda session: act(
            session, wall=access.wall(), by=access.operator(), operator_id=operator_id
        ),
        _("Suspended: every sign-in has ended.") if suspend else _("Let in again."),
    )


@blueprint.post("/<public_id>/sessions/<session_id>/end")
@access.access(ADMINISTRATOR)
def end_session(public_id: str, session_id: str) -> Response:
    """End a sign-in of another operator."""
    operator_id, ended = ids.decode("opr", public_id), ids.decode("ses", session_id)
    return _done(
        public_id,
        lambda session: managing.end_session(
            session,
            wall=access.wall(),
            by=access.operator(),
            operator_id=operator_id,
            session_id=ended,
        ),
        _("That sign-in has ended."),
    )


@blueprint.post("/<public_id>/recover")
@access.access(ADMINISTRATOR)
def recover(public_id: str) -> Response | str:
    """Make a code for an operator who lost password or authenticator; it is shown this once."""
    operator_id = ids.decode("opr", public_id)
    try:
        with access.unit_of_work() as session:
            begun = managing.begin_recovery(
                session,
                vault=access.services().vault,
                wall=access.wall(),
                by=access.operator(),
                operator_id=operator_id,
            )
            person = queries.operator(session, operator_id=operator_id)
    except (InvalidOperatorError, managing.OwnAccountError) as error:
        flash(refusal(error), "bad")
        return redirect(url_for("operators.show", public_id=public_id))
    return render_template("recovery_made.html", person=person, begun=begun)


@blueprint.post("/recoveries/<public_id>/confirm")
@access.access(ADMINISTRATOR)
def confirm(public_id: str) -> Response:
    """Let a code work that another administrator made."""
    try:
        with access.unit_of_work() as session:
            managing.confirm_recovery(
                session,
                wall=access.wall(),
                by=access.operator(),
                recovery_id=ids.decode("rcv", public_id),
            )
    except (managing.RecoveryError, managing.OwnAccountError, InvalidOperatorError) as error:
        flash(refusal(error), "bad")
    else:
        flash(_("Confirmed: the code works now."), "good")
    return redirect(url_for("operators.index"))


def refusal(error: PeyvandError) -> str:
    """Return in one sentence why something about an operator was refused."""
    if isinstance(error, InvalidOperatorError) and error.field == "email":
        return _("This is not an e-mail address.")
    return {
        "operator_exists": _("There is an operator with this e-mail already."),
        "own_account": _("Nobody does this to the own account: ask another administrator."),
        "recovery_refused": _(
            "A second administrator confirms a code: not the one who made it, and not too late."
        ),
    }.get(error.code, _("A name is missing, or there is no such operator or role."))


def _done(public_id: str, act: Callable[[Session], object], words: str) -> Response:
    try:
        with access.unit_of_work() as session:
            act(session)
    except (InvalidOperatorError, managing.OwnAccountError) as error:
        flash(refusal(error), "bad")
    else:
        flash(words, "good")
    return redirect(url_for("operators.show", public_id=public_id))
