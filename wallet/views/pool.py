"""Family or company pool: who is in it, who spent how much, making one, leaving and ending it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from network import ids
from network.errors import PeyvandError
from network.ids import UnknownIdError
from network.language import gettext
from network.ledger import queries as ledger
from network.pools import queries, service
from network.pools.queries import PersonView, PoolView
from wallet import access, forms
from wallet.limits import CHANGE, limiter
from wallet.own import place, wallet_of
from wallet.pool_words import refusal_words

blueprint = Blueprint("pool", __name__, url_prefix="/pool")


@blueprint.get("")
def show() -> str:
    """Show the shared wallet, or how to come by one."""
    return page({})


@blueprint.post("")
@limiter.limit(CHANGE)
def make() -> Response | tuple[str, int]:
    """Make a shared wallet."""
    values, errors = forms.load(forms.PoolForm(), request.form)
    if errors:
        return page(errors), 422
    try:
        with access.unit_of_work() as unit:
            service.make(
                unit,
                member_id=access.member().member_id,
                kind=values["kind"],
                now=access.now(),
                wall=access.wall(),
            )
    except PeyvandError as error:
        return page({"kind": refusal_words(error)}), 422
    flash(gettext("The shared wallet is made, and your points are in it."), "good")
    return redirect(url_for("pool.show"), code=303)


@blueprint.post("/notices")
@limiter.limit(CHANGE)
def set_notices() -> Response:
    """Choose whether the owner hears of what others spend."""
    wanted = request.form.get("wanted") == "yes"
    return _done(
        lambda unit: service.tell_owner(
            unit, owner_id=access.member().member_id, wanted=wanted, wall=access.wall()
        ),
        gettext("Saved."),
    )


@blueprint.post("/invitations/<invitation>/withdraw")
@limiter.limit(CHANGE)
def withdraw(invitation: str) -> Response:
    """Take an invitation back."""
    return _done(
        lambda unit: service.withdraw(
            unit,
            owner_id=access.member().member_id,
            invitation_id=opened(invitation),
            wall=access.wall(),
        ),
        gettext("The invitation is withdrawn."),
    )


@blueprint.post("/invitations/<invitation>/decline")
@limiter.limit(CHANGE)
def decline(invitation: str) -> Response:
    """Say no to an invitation."""
    return _done(
        lambda unit: service.decline(
            unit,
            access.services().vault,
            person=access.member(),
            invitation_id=opened(invitation),
            wall=access.wall(),
        ),
        gettext("You said no to the invitation."),
    )


@blueprint.post("/partings/<parting>/refuse")
@limiter.limit(CHANGE)
def refuse(parting: str) -> Response:
    """Say no to what somebody asks to take along."""
    return _done(
        lambda unit: service.refuse_parting(
            unit,
            owner_id=access.member().member_id,
            parting_id=opened(parting),
            wall=access.wall(),
        ),
        gettext("They stay for now; they can ask again."),
    )


@blueprint.post("/end")
@limiter.limit(CHANGE)
def end() -> Response:
    """End a shared wallet in which its owner is alone."""
    return _done(
        lambda unit: service.end(
            unit, owner_id=access.member().member_id, now=access.now(), wall=access.wall()
        ),
        gettext("The shared wallet has ended. All that was in it is yours."),
    )


def page(errors: dict[str, str]) -> str:
    """Return the page of the shared wallet, with what to look at again."""
    member, vault, wall = access.member(), access.services().vault, access.wall()
    with access.reading() as session:
        found = queries.pool_of(session, member_id=member.member_id)
        if found is None:
            invited = queries.invited(session, vault, phone=member.phone, wall=wall)
            own = ledger.wallet(session, member_id=member.member_id, now=access.now(), wall=wall)
            return render_template("pool/none.html", errors=errors, invited=invited, own=own)
        pool, stay = found
        people = queries.people(session, vault, pool=pool)
        owns = pool.owner_id == member.member_id
        return render_template(
            "pool/show.html",
            errors=errors,
            typed=request.form,
            pool=pool,
            owns=owns,
            me=stay.member_id,
            people=people,
            names={each.member_id: each.name for each in people},
            wallet=wallet_of(session, place(session)),
            invitations=queries.invitations(session, vault, pool=pool, wall=wall) if owns else [],
            public_member=lambda member_id: ids.encode("mem", member_id),
            partings=_partings(session, pool, None if owns else stay.member_id),
        )


def owned_person(person: str) -> tuple[PoolView, PersonView]:
    """Return one of the people of the shared wallet that the member made, or answer 404."""
    try:
        person_id = ids.decode("mem", person)
    except UnknownIdError:
        abort(404)
    me, vault = access.member().member_id, access.services().vault
    with access.reading() as session:
        found = queries.pool_of(session, member_id=me)
        if found is None or found[0].owner_id != me:
            abort(404)
        people = queries.people(session, vault, pool=found[0])
    chosen = next((each for each in people if each.member_id == person_id), None)
    if chosen is None:
        abort(404)
    return found[0], chosen


def opened(text: str) -> UUID:
    """Return the id in an address, or answer 404."""
    try:
        return UUID(text)
    except ValueError:
        abort(404)


def _partings(session: Session, pool: PoolView, only: UUID | None) -> list[queries.PartingView]:
    asked = queries.partings(session, pool_id=pool.pool_id)
    return [each for each in asked if only is None or each.member_id == only]


def _done(act: Callable[[Session], object], said: str) -> Response:
    """Do something in a unit of work and say so, or why not."""
    try:
        with access.unit_of_work() as unit:
            act(unit)
    except PeyvandError as error:
        flash(refusal_words(error), "bad")
    else:
        flash(said, "good")
    return redirect(url_for("pool.show"), code=303)
