"""Finding a member by id, card or phone. What is looked for is posted, so no log holds it."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.ids import UnknownIdError
from network.language import ascii_digits, normalise
from network.language import gettext as _
from network.members import queries as members
from network.members.errors import (
    CardBlockedError,
    InvalidCardError,
    InvalidPhoneError,
    UnknownMemberError,
)
from network.members.resolving import resolve
from network.operators.roles import OPERATOR
from settlement.console import access

blueprint = Blueprint("members", __name__, url_prefix="/members")


@blueprint.get("")
@access.access(OPERATOR)
def index() -> str:
    """Show the field."""
    return render_template("members.html", errors={})


@blueprint.post("")
@access.access(OPERATOR)
def find() -> Response | tuple[str, int]:
    """Go to the wallet of whom an id, a card or a phone names; the look is logged."""
    wanted = ascii_digits(normalise(request.form.get("who", "")))
    with access.unit_of_work() as session:
        found = look_up(session, wanted)
    if found is None:
        words = _("Nobody is found: give a member's whole id, card number or mobile number.")
        return render_template("members.html", errors={"who": words}), 404
    return redirect(url_for("entries.wallet", public_id=ids.encode("mem", found)))


def look_up(session: Session, wanted: str) -> UUID | None:
    """Return whom an id, a card or a phone names, None for nobody; the look is logged."""
    for way, look in _WAYS.items():
        found = look(session, wanted)
        if found is not None:
            access.record(
                session, "member.looked_up", subject=ids.encode("mem", found), facts={"by": way}
            )
            return found
    return None


def _by_id(session: Session, wanted: str) -> UUID | None:
    try:
        member_id = ids.decode("mem", wanted)
        members.member(session, access.services().vault, member_id=member_id)
    except (UnknownIdError, UnknownMemberError):
        return None
    return member_id


def _by_card(session: Session, wanted: str) -> UUID | None:
    try:
        return resolve(session, access.services().vault, wall=access.wall(), card=wanted).member_id
    except (InvalidCardError, UnknownMemberError, CardBlockedError):
        return None


def _by_phone(session: Session, wanted: str) -> UUID | None:
    try:
        return resolve(session, access.services().vault, wall=access.wall(), phone=wanted).member_id
    except (InvalidPhoneError, UnknownMemberError):
        return None


_WAYS = {"id": _by_id, "card": _by_card, "phone": _by_phone}
